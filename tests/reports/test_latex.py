import re
import shutil
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker

from ablations.reports.latex import escape, render_latex
from ablations.reports.text import DASH

ENGINES = list(filter(None, map(shutil.which, ("pdflatex", "lualatex", "xelatex", "tectonic"))))
MARKUP = "<b>x</b> $ _ #"
# The parser reads an accent of a letter where TeX sets the sign alone.
PARSED = {"\N{MODIFIER LETTER CIRCUMFLEX ACCENT}": "^", "\N{SMALL TILDE}": "~"}


def read(latex):
    text = LatexNodes2Text().latex_to_text(latex)
    return "".join(PARSED.get(sign, sign) for sign in text)


@given(st.text("aZ0 <>$_#%&{}\\^~-'`*[]()+=:;,.!?|/@"))
@example(r"\input{/etc/passwd} -- ''")
def test_escaped_text_reads_back_as_it_is_spelled(text):
    assert read(escape(text)) == " ".join(text.split())


def test_signs_beyond_ascii_become_commands_that_every_engine_has():
    text = "\N{MINUS SIGN}1 ± é \N{GREEK SMALL LETTER ALPHA}"
    assert escape(text) == r"\ensuremath{-}1 \ensuremath{\pm} \'e \ensuremath{\alpha}"
    assert escape("汉") == "汉"


def test_two_dashes_or_quotes_are_no_ligature():
    assert escape("a? ?` !`") == "a? ?{}` !{}`"
    assert escape("a--b ''c'' ``d``") == "a-{}-b '{}'c'{}' `{}`d`{}`"


@pytest.fixture(scope="module")
def files(content):
    return {name: data.decode() for name, data in render_latex(content).items()}


def test_each_task_has_its_two_tables_and_each_table_the_paper_s_shape(files):
    stems = ["4c-mini-panoptic", "4c-mini-panoptic-metrics", "4c-mini"]
    assert list(files) == [f"tables/{stem}.tex" for stem in stems]


def test_the_paper_s_shape_has_groups_small_differences_and_the_best_bold(files):
    lines = [line.removesuffix(r" \\") for line in files["tables/4c-mini.tex"].splitlines()]
    groups = r" & \multicolumn{2}{c}{PQ} & \multicolumn{1}{c}{mIoU} & \multicolumn{2}{c}{FLOPs, G}"
    assert (
        groups in lines
        and lines[lines.index(groups) + 1] == r"\cmidrule(lr){2-3} \cmidrule(lr){4-4} \cmidrule(lr){5-6}"
    )
    assert " & paper & ours & paper & paper & counted" in lines
    (row,) = [line for line in lines if line.startswith("cross-attention")]
    small = r"{\scriptsize \ensuremath{-}%s}"
    dash = escape(DASH)
    assert row.split(" & ")[1:] == [f"47.1 {small % '4.8'}", f"49.3 {small % '8.7'}", dash, "213", "213.0"]
    (row,) = [line for line in lines if line.startswith("masked attention")]
    assert row.split(" & ")[1:4] == [r"\textbf{51.9}", r"\textbf{57.9}", "47.2"]


@pytest.mark.skipif(not ENGINES, reason="no TeX engine (pdflatex, lualatex, xelatex or tectonic) is installed")
def test_every_file_is_set_by_a_tex_engine(files, tmp_path):
    inputs = []
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        inputs.append(rf"\begin{{table}}\input{{{name.removesuffix('.tex')}}}\end{{table}}")
    page = "\n".join([r"\documentclass{article}\usepackage{booktabs}\begin{document}", *inputs, r"\end{document}"])
    (tmp_path / "page.tex").write_text(page)
    flags = [] if ENGINES[0].endswith("tectonic") else ["-interaction=nonstopmode", "-halt-on-error"]
    subprocess.run([ENGINES[0], *flags, "page.tex"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "page.pdf").stat().st_size > 0


def test_files_parse_as_a_tabular_with_as_many_cells_as_columns(files):
    for text in files.values():
        nodes, _, _ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
        (tabular,) = [node for node in nodes if isinstance(node, LatexEnvironmentNode)]
        assert tabular.environmentname == "tabular"
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        wide = [[int(width) - 1 for width in re.findall(r"\\multicolumn\{(\d+)\}", row)] for row in rows]
        counts = {len(re.findall(r"(?<!\\)&", row)) + 1 + sum(own) for row, own in zip(rows, wide, strict=True)}
        assert counts == {len(columns)}
        assert [name in text for name in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3


def test_a_name_with_markup_reads_back_and_the_use_is_told(files):
    text = files["tables/4c-mini-panoptic.tex"]
    (line,) = [line for line in text.splitlines() if r"</b>" in read(line)]
    assert read(line.split(" & ")[0]) == MARKUP
    first = text.splitlines()[0]
    assert first.startswith("% Table 4(c), panoptic") and r"\input{tables/4c-mini-panoptic}" in first


def test_a_row_that_starts_with_a_star_or_bracket_is_not_the_last_row_s(content):
    for sign in ("*", "["):
        table = content.data["scales"][0]["tables"][0]
        task = table["tasks"][0]
        first = {**task["rows"][0], "name": f"{sign}x"}
        data = {"pixel_decoders": [], "scales": [{"tables": [{**table, "tasks": [{**task, "rows": [first]}]}]}]}
        text = render_latex(type(content)(data, {}))["tables/4c-mini-panoptic.tex"].decode()
        assert f"\n{{}}{sign}x & PQ" in text

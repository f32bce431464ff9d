import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker

from reports.latex import escape, render_latex

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


def test_each_task_has_its_two_tables(files):
    assert list(files) == ["tables/4c-mini-panoptic.tex", "tables/4c-mini-panoptic-metrics.tex"]


def test_files_parse_as_a_tabular_with_as_many_cells_as_columns(files):
    for text in files.values():
        nodes, _, _ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
        (tabular,) = [node for node in nodes if isinstance(node, LatexEnvironmentNode)]
        assert tabular.environmentname == "tabular"
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
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
        first = {**task["rows"][0], "variant": f"{sign}x"}
        data = {"pixel_decoders": [], "scales": [{"tables": [{**table, "tasks": [{**task, "rows": [first]}]}]}]}
        text = render_latex(type(content)(data, {}))["tables/4c-mini-panoptic.tex"].decode()
        assert f"\n{{}}{sign}x & PQ" in text

"""Build the report of a store: PDF, HTML, Markdown, CSV, LaTeX and figures."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ablations.choice import choose
from ablations.comparing.beside_paper import comparison_frame
from ablations.comparing.over_images import Parts
from ablations.comparing.shared_seeds import with_shared_seeds
from ablations.costs.counted import cost_frame
from ablations.gate.sources import read_all
from ablations.paper import printed_results
from ablations.planning.scales import SCALES
from ablations.reports.content import compose, in_order
from ablations.reports.cost_rows import AGAINST_COUNTED_FLOPS, counted_costs, counted_flops
from ablations.reports.html import render_html
from ablations.reports.latex import render_latex
from ablations.reports.markdown import pictures, render_markdown
from ablations.reports.output import require_own, write_files
from ablations.reports.pdf import render_pdf
from ablations.reports.section import Section
from ablations.store.results_frame import Results
from ablations.store.run_record import RunRecord
from ablations.studies import BASELINE, SINCE_THE_PAPER, STUDIES
from ablations.studies.study import Study
from m2f.errors import InputError

AGAINST_FLOPS = "figIII"


def build(
    sources: Path | Sequence[Path],
    tables: Sequence[str],
    out: Path,
    name_store: bool = False,
    say: Callable[[str], object] = print,
    standing: str = "",
) -> dict[str, Path]:
    """Write the report of the named tables (none named: every table that there are results for) under `out`.

    Returns the files by name: pdf, html, markdown, results, comparison, costs, and the directory of tables, latex;
    figures lie in `out/figures`. A source is a store, a packed store, a results.csv or a baseline; the same ones give
    the same bytes. `say` takes a sentence for each run that is left out. `name_store` names the store, if there is one,
    in the commands that fill what is missing. `standing` says where runs stand that go on: then the page is written
    alone, and loads itself anew. Raises InputError for an unknown table, when the sources contradict each
    other, and when they have no result for any of the tables.
    """
    sources = [sources] if isinstance(sources, Path) else list(sources)
    stores = [source for source in sources if (source / "sweeps").is_dir()]
    store = stores[0] if stores else Path("runs")
    tables = [choose(table, STUDIES, "table") for table in tables]
    found = read_all(sources)
    left_out = found.left_out(tables)
    for sentence in left_out:
        say(sentence)
    results = found.frame[found.frame["table"].isin(tables or list(STUDIES))]
    judged = [STUDIES[table] for table in tables if STUDIES[table].submission]
    if results.empty and judged:
        raise InputError(
            f"The numbers of Table {judged[0].table} are a test server's, which takes the zip of "
            f"`{judged[0].submitting}`; a report of other tables shows what the paper prints of it."
        )
    if results.empty:
        wanted = shlex.join(tables or [next(iter(STUDIES))])
        place = shlex.quote(str(store))
        raise InputError(
            f"{found.place} holds no finished run to report; "
            f"`m2f run {wanted} --scale mini --store {place}` makes some."
        )
    require_own(out)
    sections = sections_of(results, found, say)
    runs = {name: found.runs[name] for section in sections for name in section.results["run"].unique()}
    costs = counted_costs()
    whole = [study.table for study in STUDIES.values() if study not in (BASELINE, *SINCE_THE_PAPER)]
    absent = [table for table in tables or whole if table not in set(results["table"])]
    named = str(store) if name_store and stores else ""
    content = compose(sections, runs, absent, costs, named, whole=not tables, damaged=left_out)
    if standing:
        write_files(out, {"report.html": render_html(content, standing).encode()})
        return {"html": out / "report.html"}
    comparison = pd.concat([section.comparison for section in sections], ignore_index=True)
    files = {
        "pdf": ("report.pdf", render_pdf(content)),
        "html": ("report.html", render_html(content).encode()),
        "markdown": ("report.md", render_markdown(content).encode()),
        "results": ("results.csv", results.to_csv(index=False).encode()),
        "comparison": ("comparison.csv", comparison.to_csv(index=False).encode()),
        "costs": ("costs.csv", cost_frame(costs).to_csv(index=False).encode()),
    }
    shown = {name: data for name, data in content.files.items() if name.startswith("figures/")}
    shown |= {name: content.files[name] for name in pictures(content)}
    write_files(out, dict([*files.values(), *shown.items(), *render_latex(content).items()]))
    return {**{kind: out / name for kind, (name, _) in files.items()}, "latex": out / "tables"}


def sections_of(results: pd.DataFrame, found: Results, say: Callable[[str], object]) -> list[Section]:
    """One section for each table and scale that has results, by scale and in the studies' order.

    Its verdicts are those that it has beside all tables of the store that were ``found``, whichever are shown.
    """
    paper, runs = printed_results(), found.runs
    whole = with_shared_seeds(found.frame)
    compared = _compared(whole, runs, paper, set(results["scale"]))
    present = set(zip(results["table"], results["scale"], strict=True))
    return [
        Section(
            study=study,
            scale=scale,
            results=of_study,
            comparison=compared[scale][compared[scale]["table"] == study.table].reset_index(drop=True),
            paper=paper[paper["table"] == study.table],
            scale_word=_scale_word(scale, runs[of_study["run"].iloc[0]]) if len(of_study) else scale,
            flops=_flops(study, of_study, runs, say),
            asked=found.asked,
        )
        for scale in in_order(results["scale"])
        for study in STUDIES.values()
        if (study.table, scale) in present
        for of_study in [_of_study(whole, study, scale)]
    ]


def _compared(
    results: pd.DataFrame, runs: Mapping[str, RunRecord], paper: pd.DataFrame, scales: Iterable[str]
) -> dict[str, pd.DataFrame]:
    """All results of each scale beside the paper's."""
    present = set(zip(results["table"], results["scale"], strict=True))

    def parts_of(run: str, metric: str) -> Parts | None:
        return runs[run].image_parts(metric)

    return {
        scale: comparison_frame(
            results, paper, [s for s in STUDIES.values() if (s.table, scale) in present], scale, parts_of
        )
        for scale in scales
    }


def _scale_word(scale: str, run: RunRecord) -> str:
    """What names a run's scale on the command line: m2f's own by their names, others by their directory."""
    return scale if scale in SCALES else str(Path(run.identity["config"]).parent)


def _flops(
    study: Study, results: pd.DataFrame, runs: Mapping[str, RunRecord], say: Callable[[str], object]
) -> dict[str, float]:
    """What a forward pass of each row takes, of a study that is drawn against it."""
    if study.table == AGAINST_COUNTED_FLOPS:
        return counted_flops(study, counted_costs())
    return _flops_of_runs(results, runs, say) if study.table == AGAINST_FLOPS else {}


def _flops_of_runs(
    results: pd.DataFrame, runs: Mapping[str, RunRecord], say: Callable[[str], object]
) -> dict[str, float]:
    """What a forward pass of each row's model takes; those that cannot be counted are said and left out."""
    from ablations.costs.counted import inference_flops

    flops: dict[str, float] = {}
    for variant, name in results.drop_duplicates("variant")[["variant", "run"]].itertuples(index=False, name=None):
        if not runs[name].recorded:
            continue
        try:
            flops[variant] = inference_flops(runs[name])
        except InputError as error:
            say(str(error))
    return flops


def _of_study(results: pd.DataFrame, study: Study, scale: str) -> pd.DataFrame:
    """The results of the rows that the study has today; an old store may know others."""
    of_table = results[(results["table"] == study.table) & (results["scale"] == scale)]
    places = of_table["variant"].map({variation.name: place for place, variation in enumerate(study.variations)})
    known = of_table.assign(place=places).dropna(subset="place")
    # Whatever the order of the sources, and of the sweeps in them.
    return known.sort_values(["place", "seed"], kind="stable").drop(columns="place")

"""What a report says, worked out once for every format: plain text and numbers, no markup of any kind."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablations.comparing.statistics import CONFIDENCE
from ablations.comparing.verdicts import ERROR_RATE, MARGIN, VERDICTS
from ablations.costs.counted import CAPTION, CostRow
from ablations.paper import paper_results
from ablations.reports.attention import attention, missing_attention
from ablations.reports.cost_rows import cost_rows, cost_summary
from ablations.reports.forest import caption, forest_figure
from ablations.reports.message import counts_by_task, own_rows, own_sentence, papers_differences, sentence
from ablations.reports.panels import missing_panels, panels
from ablations.reports.paper_table import paper_table
from ablations.reports.pixel_decoders import TABLE as PIXEL_DECODERS
from ablations.reports.pixel_decoders import pixel_decoders
from ablations.reports.printed import printed_rows
from ablations.reports.runs import commits, facts, packages
from ablations.reports.section import Section, changes, imports, missing
from ablations.reports.task import task_content
from ablations.reports.text import file_stem, listing, run_command, table_label
from ablations.reports.verdicts import OWN_WORDS, WITHIN_NOISE, WORDS
from ablations.store.run_record import RunRecord
from ablations.studies import STUDIES
from ablations.studies.study import Study

TITLE = "Mask2Former ablations beside the paper"
SCALE_MEANING = {
    "paper": "The paper's own data, model and schedule: the numbers can be held against the paper's.",
    "lite": "The paper's models on a tenth of COCO at half its size, and on ADE20K, trained for about an hour each: on "
    "COCO with a sixtieth of the paper's images. The direction of a difference between two designs can be held against "
    "the paper; the numbers themselves cannot.",
    "mini": "Generated scenes and a small model, trained for minutes. The direction of a difference between two "
    "designs can be held against the paper; the numbers themselves cannot. These are not COCO numbers.",
    "smoke": "A few training steps on a few generated scenes: this proves that the path works. "
    "The numbers say nothing about any design, and they are not COCO numbers.",
}
OWN_MEANING = (
    "A scale of the user's own: data, model and schedule as the configs in {place} have them. The rows are the paper's "
    "designs, so the direction of a difference can be held against the paper; the numbers themselves cannot. These are "
    "not COCO numbers."
)
RULE = (
    "Verdict. Each row is compared with the table's baseline, seed by seed. It is reproduced when there is a "
    "difference to the paper's side, not reproduced when there is one to the other side, as small as the paper's when "
    f"ours is surely within {MARGIN} points and the paper's is too, and below what this can tell otherwise. A row that "
    "the paper has no difference for is above or below the baseline when there is a difference, and level with it when "
    f"it is surely within {MARGIN} points. The tests are t-tests in which the rows of one scale, task and metric tell "
    "together what spread between seeds is usual, corrected by Benjamini and Hochberg's procedure for all comparisons "
    "of the scale's tables, tasks together, those with and those without a difference of the paper's apart, at "
    f"{ERROR_RATE:.0%}. Would show is the least difference that would have shown, with these seeds, this spread and "
    f"this correction. {WITHIN_NOISE} marks a difference of the paper's within the paper's own noise: its model has "
    "come out as far apart when others trained it again. Paper's direction counts the rows whose mean "
    "difference has the sign of the paper's, of those that have a difference in both. Ours is the mean over n seeds ± "
    f"half of its {CONFIDENCE:.0%} Student interval; differences are from the baseline, ours with both ends of the "
    f"{CONFIDENCE:.0%} interval, not corrected. Of one seed, the interval of its two models over images, drawn again "
    "and again, stands beside it where the metric allows that: it says whether these two models differ, not whether "
    "the designs do. Metrics are in percent, with one decimal place; masses of attention are fractions of one, with "
    "two."
)
PROVENANCE = (
    "Each row's design is exact where the paper fixes it, inferred where its numbers or sources tell it, unspecified "
    "where nothing does, and own where it is not the paper's."
)


@dataclass(frozen=True)
class Content:
    """The report's words and numbers (JSON-ready), and the files they name: figures and sample images."""

    data: dict[str, Any]
    files: dict[str, bytes]


def compose(
    sections: list[Section],
    runs: Mapping[str, RunRecord],
    absent: list[str],
    costs: Sequence[CostRow],
    store: str = "",
    whole: bool = False,
    damaged: Sequence[str] = (),
) -> Content:
    """Everything the templates show.

    `absent` are the tables that belong in the report and have no result at all; `costs` are those of the paper's rows,
    of the report's tables and of others; `store` is the directory to name in commands, if it is not their default;
    of the `whole` paper, figures that need pictures are missed too; `damaged` says which runs were left out.
    """
    files: dict[str, bytes] = {}
    by_scale: dict[str, list[dict[str, Any]]] = {}
    for section in sections:
        data, section_files = _section(section, runs, costs, store)
        by_scale.setdefault(section.scale, []).append(data)
        files |= section_files
    compared = [
        pixel_decoders(section, runs, costs, store) for section in sections if section.study.table == PIXEL_DECODERS
    ]
    shown_panels, panel_files = panels(sections, runs)
    shown_attention, attention_files = attention(sections, runs)
    missing_figures = [
        *(missing_attention(sections, shown_attention, store) if whole else []),
        *(missing_panels(sections, shown_panels, store) if whole else []),
    ]
    messages = {scale: _message(scale, [s for s in sections if s.scale == scale]) for scale in by_scale}
    files |= {name: file for _, page_files in messages.values() for name, file in page_files.items()}
    for page_files in (*(page_files for _, page_files in compared), panel_files, attention_files):
        files |= page_files
    scales = in_order(by_scale)
    words = {section.scale: section.scale_word for section in sections}
    # Who has runs at a scale of his own alone wants the other tables there.
    lacking = words[scales[0]] if len(scales) == 1 and scales[0] not in SCALE_MEANING else "mini"
    tables = [table for scale in scales for table in by_scale[scale]]
    tallies = [task["tally"] for table in tables for task in table["tasks"]]
    shown_words = _shown_words(tallies)
    for tally in tallies:
        tally["counts"] = [entry for entry in tally["counts"] if entry["word"] in shown_words]
    data = {
        "title": TITLE,
        "rule": RULE,
        "provenance": PROVENANCE,
        "costs": cost_summary(costs),
        "cost_rule": CAPTION,
        "words": shown_words,
        "verdicts": list(VERDICTS),
        "directions": [
            {**{key: table[key] for key in ("label", "scale", "anchor")}, "task": task["task"], **direction}
            for table in tables
            for task in table["tasks"]
            for direction in task["other_directions"]
        ],
        "not_run": _not_run(tables),
        "absent": [*(_absent(STUDIES[table], store, lacking) for table in absent), *missing_figures],
        "printed": printed_rows(_with_printed_rows(sections, absent), paper_results()),
        "pixel_decoders": [page for page, _ in compared],
        "panels": shown_panels,
        "attention": shown_attention,
        "scales": [
            {
                "name": scale,
                **messages[scale][0],
                "meaning": _meaning(scale, by_scale[scale], words[scale]),
                "facts": facts([runs[name] for name in _run_names(sections, scale)]),
                "packages": packages([runs[name] for name in _run_names(sections, scale)]),
                "origins": [
                    origin for section in sections if section.scale == scale for origin in _origins(section, runs)
                ],
                "tables": by_scale[scale],
            }
            for scale in scales
        ],
        "damaged": list(damaged),
    }
    return Content(data, files)


def _message(scale: str, sections: list[Section]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What a scale's results say of the paper's differences: a sentence, counts, and the plot of them all."""
    rows, own = (rows_of(section.comparison for section in sections) for rows_of in (papers_differences, own_rows))
    vectors = forest_figure(sections)
    stem = f"figures/{file_stem(scale, 'verdicts')}"
    figure = {"stem": stem, "caption": caption(sections)} if vectors else None
    said = " ".join(filter(None, (sentence(rows, scale), own_sentence(own))))
    data = {"sentence": said, "counts": counts_by_task(rows), "forest": figure}
    return data, {f"{stem}.{suffix}": content for suffix, content in (vectors or {}).items()}


def _shown_words(tallies: Iterable[Mapping[str, Any]]) -> list[str]:
    """The verdicts that have a column: the paper's always, the others if any row has one."""
    found = {entry["word"] for tally in tallies for entry in tally["counts"] if entry["count"]}
    return [word for word in WORDS if word not in OWN_WORDS or word in found]


def _with_printed_rows(sections: Sequence[Section], absent: Iterable[str]) -> list[Study]:
    """The report's tables, and those without a result that only a test server could give at one of its scales."""
    scales = {section.scale for section in sections}
    judged = [STUDIES[table] for table in absent if STUDIES[table].submission and scales & set(STUDIES[table].scales)]
    return list({study.table: study for study in (*(section.study for section in sections), *judged)}.values())


def in_order(scales: Iterable[str]) -> list[str]:
    """Scales by the weight of their numbers, which is the order of the report: the user's own come last, by name."""
    present = set(scales)
    return [scale for scale in SCALE_MEANING if scale in present] + sorted(present - SCALE_MEANING.keys())


def _absent(study: Study, store: str, word: str) -> dict[str, str]:
    """A table or figure without results: what it is, where it can be run, and the command that fills it."""
    scale = study.scales[-1] if study.scales else word
    scales = listing(list(study.scales)) or "any"
    label = table_label(study.table)
    return {
        "label": label,
        "title": study.title,
        "scales": scales,
        "text": f"{label} has no result (scale: {scales})",
        "command": study.submitting or run_command(study.table, scale, imports=imports(study), store=store),
    }


def _origins(section: Section, runs: Mapping[str, RunRecord]) -> list[dict[str, Any]]:
    """The runs behind each task of a table: how many, with which seeds, at which commits."""
    origins = []
    for task in section.study.tasks:
        results = section.results[section.results["task"] == task]
        if not results.empty:
            names = sorted(results["run"].unique())
            origins.append(
                {
                    "label": table_label(section.study.table),
                    "task": task,
                    "runs": len(names),
                    "seeds": listing([str(seed) for seed in sorted(set(map(int, results["seed"])))]),
                    "commits": commits([runs[name] for name in names]),
                }
            )
    return origins


def _not_run(tables: list[dict[str, Any]]) -> list[str]:
    """The tasks of the tables that have no run at all, tables with the same ones together."""
    labels: dict[tuple[str, str], list[str]] = {}
    for table in tables:
        if table["tasks_not_run"]:
            labels.setdefault((table["scale"], listing(table["tasks_not_run"])), []).append(table["label"])
    return [f"{tasks} of {listing(names)} ({scale} scale)" for (scale, tasks), names in labels.items()]


def _meaning(scale: str, tables: list[dict[str, Any]], word: str) -> str:
    """What numbers of this scale mean, and which settings of it were replaced, if any."""
    changed = sorted({change for table in tables for change in table["changes"]})
    meaning = SCALE_MEANING.get(scale) or OWN_MEANING.format(place=word)
    if not changed:
        return meaning
    return f"{meaning} But not as the scale has it: these runs were made with {', '.join(changed)}."


def _run_names(sections: list[Section], scale: str) -> list[str]:
    return sorted({name for section in sections if section.scale == scale for name in section.results["run"]})


def _section(
    section: Section, runs: Mapping[str, RunRecord], costs: Sequence[CostRow], store: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    files: dict[str, bytes] = {}
    tasks = []
    changed = changes(section, runs)
    overrides = [change for change, where in changed.items() if not where]
    for task in section.study.tasks:
        if task in set(section.results["task"]):
            data, task_files = task_content(section, task, runs)
            tasks.append(data)
            files |= task_files
    data = {
        "name": section.study.table,
        "label": table_label(section.study.table),
        "title": section.study.title,
        "note": section.study.note,
        "scale": section.scale,
        "anchor": f"table-{section.study.table}-{section.scale}",
        "changes": [f"{change}{where}" for change, where in changed.items()],
        "missing": [gap for task in section.study.tasks for gap in missing(section, task, overrides, store)],
        "paper_table": paper_table(section, costs),
        "costs": cost_rows(section.study, costs),
        "reasons": _reasons(section.study),
        "tasks": tasks,
        "tasks_not_run": [task for task in section.study.tasks if task not in set(section.results["task"])],
    }
    return data, files


def _reasons(study: Study) -> list[dict[str, Any]]:
    """Provenance and reason of every row; rows that have them in common are named together."""
    mixed = len({variation.method for variation in study.variations}) > 1
    variants: dict[tuple[str, str, str], list[str]] = {}
    for variation in study.variations:
        key = (variation.method if mixed else "", variation.provenance, variation.reason)
        variants.setdefault(key, []).append(variation.name)
    return [
        {"variants": names, "method": method, "provenance": provenance, "reason": reason}
        for (method, provenance, reason), names in variants.items()
    ]

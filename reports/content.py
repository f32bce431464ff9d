"""What a report says, worked out once for every format: plain text and numbers, no markup of any kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablations.cost import CAPTION, CostRow
from ablations.statistics import CONFIDENCE
from ablations.variation import Study
from reports.cost_rows import cost_rows, cost_summary
from reports.runs import RunRecord, facts
from reports.section import Section, changes, missing
from reports.task import task_content
from reports.text import listing, run_command, table_label
from reports.verdicts import WORDS

TITLE = "Mask2Former ablations beside the paper"
# In the order of their weight, which is the order of the report.
SCALE_MEANING = {
    "paper": "The paper's own data, model and schedule: the numbers can be held against the paper's.",
    "mini": "Generated scenes and a small model, trained for minutes. The direction of a difference between two "
    "designs can be held against the paper; the numbers themselves cannot. These are not COCO numbers.",
    "smoke": "A few training steps on a few generated scenes: this proves that the path works. "
    "The numbers say nothing about any design, and they are not COCO numbers.",
}
RULE = (
    f"Verdict. Each row is compared with the table's baseline, seed by seed. It is reproduced when the "
    f"{CONFIDENCE:.0%} Student t interval of the mean paired difference lies wholly on the same side of zero as the "
    "paper's difference, not reproduced when it lies wholly on the other side, and inconclusive otherwise (also with "
    "fewer than two seeds, or where the paper's difference is zero). It speaks of the direction only, row by row, "
    "without correction for the number of rows. Paper's direction counts the rows whose mean difference has the sign "
    "of the paper's, of those that have a difference in both; with one seed that is all there is, and no verdict. "
    f"Ours is the mean over n seeds ± half of its {CONFIDENCE:.0%} interval; differences are from the baseline, ours "
    "with both ends of the interval. Metrics are in percent, with one decimal place; masses of attention are fractions "
    "of one, with two."
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
    sections: list[Section], runs: Mapping[str, RunRecord], absent: list[str], costs: Sequence[CostRow]
) -> Content:
    """Everything the templates show.

    `absent` are the tables that were asked for and have no result at all; `costs` are those of the paper's rows, of
    the report's tables and of others.
    """
    files: dict[str, bytes] = {}
    by_scale: dict[str, list[dict[str, Any]]] = {}
    for section in sections:
        data, section_files = _section(section, runs, costs)
        by_scale.setdefault(section.scale, []).append(data)
        files |= section_files
    tables = [table for scale in SCALE_MEANING for table in by_scale.get(scale, [])]
    data = {
        "title": TITLE,
        "rule": RULE,
        "provenance": PROVENANCE,
        "costs": cost_summary(costs),
        "cost_rule": CAPTION,
        "words": list(WORDS),
        "directions": [
            {**{key: table[key] for key in ("label", "scale", "anchor")}, "task": task["task"], **direction}
            for table in tables
            for task in table["tasks"]
            for direction in task["other_directions"]
        ],
        "not_run": _not_run(tables),
        "absent": [
            {"text": f"{table_label(table)} has no result", "command": run_command(table, "mini")} for table in absent
        ],
        "scales": [
            {
                "name": scale,
                "meaning": _meaning(scale, by_scale[scale]),
                "facts": facts([runs[name] for name in _run_names(sections, scale)]),
                "tables": by_scale[scale],
            }
            for scale in SCALE_MEANING
            if scale in by_scale
        ],
    }
    return Content(data, files)


def _not_run(tables: list[dict[str, Any]]) -> list[str]:
    """The tasks of the tables that have no run at all, tables with the same ones together."""
    labels: dict[tuple[str, str], list[str]] = {}
    for table in tables:
        if table["tasks_not_run"]:
            labels.setdefault((table["scale"], listing(table["tasks_not_run"])), []).append(table["label"])
    return [f"{tasks} of {listing(names)} ({scale} scale)" for (scale, tasks), names in labels.items()]


def _meaning(scale: str, tables: list[dict[str, Any]]) -> str:
    """What numbers of this scale mean, and which settings of it were replaced, if any."""
    changed = sorted({change for table in tables for change in table["changes"]})
    if not changed:
        return SCALE_MEANING[scale]
    return f"{SCALE_MEANING[scale]} But not as the scale has it: these runs were made with {', '.join(changed)}."


def _run_names(sections: list[Section], scale: str) -> list[str]:
    return sorted({name for section in sections if section.scale == scale for name in section.results["run"]})


def _section(
    section: Section, runs: Mapping[str, RunRecord], costs: Sequence[CostRow]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    files: dict[str, bytes] = {}
    tasks = []
    overrides = changes(section, runs)
    for task in section.study.tasks:
        if task in set(section.results["task"]):
            data, task_files = task_content(section, task, runs)
            tasks.append(data)
            files |= task_files
    data = {
        "label": table_label(section.study.table),
        "title": section.study.title,
        "note": section.study.note,
        "scale": section.scale,
        "anchor": f"table-{section.study.table}-{section.scale}",
        "changes": overrides,
        "missing": [gap for task in section.study.tasks for gap in missing(section, task, overrides)],
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

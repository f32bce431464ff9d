"""What a report says, worked out once for every format: plain text and numbers, no markup of any kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablations.statistics import CONFIDENCE
from reports.runs import RunRecord, facts
from reports.section import Section, changes, missing
from reports.task import task_content
from reports.text import run_command, table_label

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
    "fewer than two seeds). It speaks of the direction only, row by row, without correction for the number of rows. "
    f"Ours is the mean over n seeds ± half of its {CONFIDENCE:.0%} interval; differences are from the baseline, ours "
    "with both ends of the interval. All metrics are in percent."
)


@dataclass(frozen=True)
class Content:
    """The report's words and numbers (JSON-ready), and the files they name: figures and sample images."""

    data: dict[str, Any]
    files: dict[str, bytes]


def compose(sections: list[Section], runs: Mapping[str, RunRecord], absent: list[str]) -> Content:
    """Everything the templates show; `absent` are the tables that were asked for and have no result at all."""
    files: dict[str, bytes] = {}
    by_scale: dict[str, list[dict[str, Any]]] = {}
    for section in sections:
        data, section_files = _section(section, runs)
        by_scale.setdefault(section.scale, []).append(data)
        files |= section_files
    data = {
        "title": TITLE,
        "rule": RULE,
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


def _meaning(scale: str, tables: list[dict[str, Any]]) -> str:
    """What numbers of this scale mean, and which settings of it were replaced, if any."""
    changed = sorted({change for table in tables for change in table["changes"]})
    if not changed:
        return SCALE_MEANING[scale]
    return f"{SCALE_MEANING[scale]} But not as the scale has it: these runs were made with {', '.join(changed)}."


def _run_names(sections: list[Section], scale: str) -> list[str]:
    return sorted({name for section in sections if section.scale == scale for name in section.results["run"]})


def _section(section: Section, runs: Mapping[str, RunRecord]) -> tuple[dict[str, Any], dict[str, bytes]]:
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
        "scale": section.scale,
        "anchor": f"table-{section.study.table}-{section.scale}",
        "changes": overrides,
        "missing": [gap for task in section.study.tasks for gap in missing(section, task, overrides)],
        "reasons": [
            {"variant": variation.name, "provenance": variation.provenance, "reason": variation.reason}
            for variation in section.study.variations
        ],
        "tasks": tasks,
    }
    return data, files

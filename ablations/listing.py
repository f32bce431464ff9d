"""What ``m2f list`` shows: every row of the studies, what it changes, and how sure its design is."""

from collections.abc import Iterable, Iterator
from typing import Any

from ablations.metric_names import PRIMARY_METRIC
from ablations.paper import SAME, Checkpoint, lines_since_the_paper
from ablations.planning.overrides import override_as_json
from ablations.planning.published import PublishedRow
from ablations.studies import SINCE_THE_PAPER
from ablations.studies.study import Study, Variation
from ablations.terminal import folded


def listed_rows(studies: Iterable[Study]) -> list[dict[str, Any]]:
    """One object a row, which JSON can hold; ``variant`` is the row's name in the paper's results."""
    return [
        {
            "table": study.table,
            "variant": name,
            "method": variation.method,
            "backbone": variation.backbone,
            "dataset": variation.dataset,
            "tasks": tasks,
            "overrides": {key: override_as_json(value) for key, value in variation.overrides.items()},
            "provenance": variation.provenance,
            "reason": variation.reason,
            "note": study.note,
            "submission": study.submission,
        }
        for study in studies
        for variation in study.variations
        for name, tasks in _names(study, variation).items()
    ]


def listed_checkpoints(rows: Iterable[PublishedRow]) -> list[dict[str, str]]:
    """One object for each row and task that a published checkpoint fills; ``md5`` is how the file's MD5 begins."""
    return [
        {
            "table": row.study.table,
            "row": row.variation.name,
            "task": row.task,
            "file": row.checkpoint.name,
            "md5": row.checkpoint.md5,
            "address": row.checkpoint.address,
        }
        for row in rows
        if row.checkpoint
    ]


def checkpoint_listing(rows: Iterable[PublishedRow], wide: int) -> Iterator[str]:
    """The checkpoints for people, each with all rows that it fills."""
    filled: dict[Checkpoint, list[str]] = {}
    for row in rows:
        if row.checkpoint:
            filled.setdefault(row.checkpoint, []).append(f"{row.study.table} {row.variation.name}, {row.task}")
    for checkpoint, names in filled.items():
        yield from folded(f"{checkpoint.name}  {'; '.join(names)}", wide)
        yield f"    {checkpoint.address}"


def _names(study: Study, variation: Variation) -> dict[str, list[str]]:
    """The names that the paper gives a row, with the tasks of each."""
    names: dict[str, list[str]] = {}
    for task in variation.tasks or study.tasks:
        names.setdefault(variation.named_by_the_paper(task), []).append(task)
    return names


def listing(studies: Iterable[Study], wide: int) -> Iterator[str]:
    """The lines for people, of at most so many columns."""
    for study in studies:
        yield from folded(f"{study.table}  {study.title} ({', '.join(study.tasks)})", wide)
        if study.note:
            yield from folded(f"    {study.note}", wide)
        if study.submitting:
            yield from folded(f"    Its numbers are a test server's, which takes the zip of: {study.submitting}", wide)
        published = _published(study) if study in SINCE_THE_PAPER else {}
        for variation in study.variations:
            lines = [*_row(variation, is_baseline=variation.name == study.baseline), *published.get(variation.name, [])]
            for line in lines:
                yield from folded(line, wide, indent=8 if line.startswith(" " * 8) else 12)


def _published(study: Study) -> dict[str, list[str]]:
    """What later papers print of a study's rows, a line for each that prints it, by row; without parts of a metric."""
    lines: dict[str, list[str]] = {}
    for row in lines_since_the_paper():
        if row["table"] != study.table or row["metric"] not in PRIMARY_METRIC.values():
            continue
        setting = "the same setting" if row["setting"] == SAME else f"not the same: {row['setting']}"
        number = f"{row['metric']} {float(row['value']):g} on {row['dataset']}"
        line = f"        published: {number} ({row['published_as']}), {setting}"
        lines.setdefault(row["variant"], []).append(line)
    return lines


def _row(variation: Variation, is_baseline: bool) -> Iterator[str]:
    baseline = ", baseline" if is_baseline else ""
    where = ", ".join(filter(None, (variation.method, variation.backbone, variation.dataset, *variation.tasks)))
    yield f"    {variation.name} ({where}) [{variation.provenance}{baseline}]"
    if variation.reason:
        yield f"        {variation.reason}"
    for key, value in variation.overrides.items():
        yield f"        {key} = {value!r}"

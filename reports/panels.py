"""Figures V to VII: what the paper's own design predicts, and where it fails, as the metric says."""

from collections.abc import Mapping, Sequence
from typing import Any

from ablations.metric_names import PRIMARY_METRIC
from ablations.reports.samples import stored_picture
from ablations.reports.section import Section
from ablations.reports.text import number, run_command
from ablations.store.run_record import RunRecord

FIGURES = {"panoptic": "Figure V", "instance": "Figure VI", "semantic": "Figure VII"}
FAILURES = 2  # rows
NOTE = (
    "The first images of the data set, and last, as failures, those that the metric finds the worst of all, each image "
    "judged alone; first seed."
)


def panels(sections: Sequence[Section], runs: Mapping[str, RunRecord]) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The panels of each scale and task, and the files that they show.

    A panel is that of the first table whose baseline is the design of section 4.2, unchanged. Without the values of
    each image, which runs of earlier versions do not keep, there is none.
    """
    pages: dict[tuple[str, str], dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    for section in sections:
        for task, figure in FIGURES.items():
            run = baseline_run(section, task)
            if run is None or (section.scale, task) in pages:
                continue
            rows, row_files = panel_rows(runs[run], PRIMARY_METRIC[task])
            if rows:
                files |= row_files
                pages[section.scale, task] = {
                    "anchor": f"panel-{task}-{section.scale}",
                    "label": figure,
                    "title": "Predictions",
                    "task": task,
                    "scale": section.scale,
                    "design": section.study.baseline,
                    "note": NOTE,
                    "rows": rows,
                }
    return list(pages.values()), files


def missing_panels(sections: Sequence[Section], shown: Sequence[dict[str, Any]], store: str) -> list[dict[str, str]]:
    """The panels that could not be shown, as the report lists what is missing, with the commands that make them."""
    gaps = []
    for scale, word in {section.scale: section.scale_word for section in sections}.items():
        for task, label in FIGURES.items():
            if not any((panel["scale"], panel["task"]) == (scale, task) for panel in shown):
                trained = any(baseline_run(section, task) for section in sections if section.scale == scale)
                reason = ": the run of the paper's design is of an earlier version, which kept none" if trained else ""
                gaps.append(
                    {
                        "label": label,
                        "title": f"Predictions, {task}",
                        "scales": scale,
                        "text": f"{label} has no pictures ({task}, {scale} scale){reason}",
                        # What is done is not done again, but in another store.
                        "command": run_command("4c", word, task, store=f"{store or 'runs'}-new" if trained else store),
                    }
                )
    return gaps


def baseline_run(section: Section, task: str) -> str | None:
    """The run of the table's baseline with the first seed, if that is the design of section 4.2 and was trained."""
    baseline = next(row for row in section.study.variations if row.name == section.study.baseline)
    again = section.study.evaluated_again(task)
    if baseline.overrides or (again and not again.adds):
        return None
    of_task = section.results[(section.results["task"] == task) & (section.results["metric"] == PRIMARY_METRIC[task])]
    own = of_task[of_task["variant"] == baseline.name]
    return str(own.sort_values("seed")["run"].iloc[0]) if len(own) else None


def panel_rows(run: RunRecord, metric: str) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The images that a run drew, its worst last, and the files of their pictures."""
    quality = run.per_image(metric)
    if quality.empty:
        return [], {}
    drawn = list(run.samples)
    worst = [image for image in quality.sort_values(kind="stable").index[:FAILURES] if image in drawn]
    ordered = [image for image in drawn if image not in worst] + worst[::-1]
    rows: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for image in ordered:
        pictures = {kind: stored_picture(run, image, kind) for kind in ("image", "truth", "prediction")}
        files |= dict(pictures.values())
        value = quality.get(image, float("nan"))
        names = {kind: name for kind, (name, _) in pictures.items()}
        rows.append({"id": image, "value": f"{metric} {number(value)}", "failure": image in worst, **names})
    return rows, files

"""Training curves in TensorBoard while a sweep runs, through mmengine's visualizer."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ablations.planning.plan import Plan, Run
from m2f.extras import imported

BACKEND = "TensorboardVisBackend"


def with_tensorboard(plan: Plan, directory: Path) -> Plan:
    """The plan, whose trainings also write their curves below ``directory``, named by the first of them that needs it.

    A run is called the same with and without: what shows it decides nothing of its result.

    Raises:
        InputError: TensorBoard is not installed.
    """
    imported("tensorboard", extra="tensorboard")
    places: dict[str, Path] = {}
    for cell in plan.cells:
        training = cell.training
        parts = (cell.table, cell.variant, training.scale, training.task, f"seed {training.seed}, {training.name[:8]}")
        places.setdefault(training.name, directory.absolute() / Path(*map(file_name, parts)))
    return Plan(tuple(replace(cell, run=_watched(cell.run, places)) for cell in plan.cells))


def file_name(text: str) -> str:
    """A row's or table's name as the name of a directory."""
    return re.sub(r"[^\w ,.()+-]", "_", text)


def _watched(run: Run, places: Mapping[str, Path]) -> Run:
    if run.source:
        return replace(run, source=_watched(run.source, places))
    visualizer = run.config["visualizer"]
    others = [backend for backend in visualizer["vis_backends"] if backend["type"] != BACKEND]
    backends = [*others, {"type": BACKEND, "save_dir": str(places[run.name])}]
    return replace(run, config={**run.config, "visualizer": {**visualizer, "vis_backends": backends}})

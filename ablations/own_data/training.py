"""``m2f train``: one config as a plan of one run, so that it is checked, resumed and kept as all runs are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine import Config

from ablations.own_data.contents import TASKS
from ablations.own_data.weights import begun_from
from ablations.planning.overrides import with_settings
from ablations.planning.plan import (
    Cell,
    Plan,
    Run,
    config_of_scale,
    make_training,
    read_config_file,
    remembering_fingerprints,
)
from ablations.planning.requirements import require_runnable
from ablations.planning.scales import Scale
from ablations.studies.baseline import BASELINE
from m2f.data.listed import left_out, list_of
from m2f.data.paths import resolve_data_paths
from m2f.data.places import SUFFIXES, annotation_files, semantic_maps
from m2f.data.prepare import datasets
from m2f.errors import InputError
from m2f.files import files_below

MOST_IMAGES = 5000  # that are looked through before a training; of more, `m2f data verify` tells


@dataclass(frozen=True)
class OneConfig(Scale):
    """A config as a scale of its own, under the name of its folder, as ``m2f run baseline --scale FOLDER`` has it."""

    file: Path = Path()

    def config(self, dataset: str, task: str) -> Path:
        """The config, whatever its file is called."""
        return self.file


def config_in(folder: Path, task: str | None) -> Path | None:
    """The config of a task in a folder; None if the folder has none of any.

    Raises:
        InputError: it has none of the task, or several and no task is named.
    """
    there = {each: folder / f"{each}.py" for each in TASKS if (folder / f"{each}.py").is_file()}
    if not there:
        return None
    if task is None and len(there) > 1:
        raise InputError(f"{folder} has configs of {' and '.join(there)}; name one with --task.")
    if task is not None and task not in there:
        raise InputError(f"{folder} has no {task}.py; `m2f data init --task {task}` writes it, or leave out --task.")
    return there[task] if task else next(iter(there.values()))


def require_data_of(path: Path, root: Path, data: Path) -> None:
    """See that a config, found by the name of a data set's directory, is of that data set and of none called alike.

    Args:
        path: the config's file.
        root: the data set's directory.
        data: takes the place of ``data`` in the config's paths.

    Raises:
        InputError: it is of another one.
    """
    config = resolve_data_paths(Config(read_config_file(path).config), data)
    roots = [Path(dataset.data_root) for dataset in datasets(config)]
    if all(own.resolve() != root.resolve() for own in roots):
        raise InputError(
            f"{path} is of the data set in {roots[0]}; train that with `m2f train {path}`, or write a config of {root} "
            f"with `m2f data init {root} --out FOLDER`."
        )


def plan_of(path: Path, overrides: Mapping[str, Any], seed: int, weights: str | None, data: Path) -> Plan:
    """The plan of training a config.

    Args:
        path: the config's file.
        overrides: the user's own, as ``m2f run`` takes them.
        seed: of the training.
        weights: to begin from, see :func:`ablations.own_data.weights.begun_from`.
        data: takes the place of ``data`` in the config's paths.

    Raises:
        InputError: the config or the weights cannot be used, or the data are missing.
    """
    task = read_config_file(path).config.get("task")
    if task not in TASKS:
        raise InputError(f"{path} says task = {task!r}; it must be one of {', '.join(TASKS)}.")
    folder = path.absolute().parent
    file = config_of_scale(OneConfig(folder.name, folder, str(path.parent), path.absolute()), task)
    if weights is not None:
        file = replace(file, config=begun_from(file.config, weights))
    row = BASELINE.variations[0]
    run = make_training(
        file, row, with_settings(overrides, file.settings, file.name), seed, data, remembering_fingerprints(data)
    )
    require_runnable(run.config, file.name)
    name = row.name if weights is None else f"from {Path(weights).name}"  # else a report could not tell the two apart
    return Plan((Cell(BASELINE.table, name, row.method, row.backbone, run),))


def roots_of(run: Run, data: Path) -> list[Path]:
    """The directories of a run's data sets that are in a layout which ``verify`` knows, each once.

    Generated scenes are none of them: they are made when they are wanted.
    """
    if "scenes" in run.config:
        return []
    config = resolve_data_paths(Config(run.config), data)
    roots = dict.fromkeys(Path(dataset.data_root) for dataset in datasets(config))
    return [root for root in roots if annotation_files(root) or semantic_maps(root)]


def in_no_list(run: Run, data: Path) -> str:
    """A sentence on images that came after the lists of a run's data sets were written; empty if there are none."""
    if "scenes" in run.config:
        return ""
    config = resolve_data_paths(Config(run.config), data)
    lists = [list_of(dataset) for dataset in datasets(config)]
    new = left_out(datasets(config)) if None not in lists else []
    if not new:
        return ""
    return (
        f"In none of the lists {' and '.join(map(str, lists))}, and left out: {len(new)} images, first {new[0]}; "
        "to take them, remove the lists and the config, and write these anew with `m2f data init`."
    )


def has_many_images(root: Path) -> bool:
    """Whether a data set has so many files that looking through them would keep its user waiting."""
    images = (path for path in files_below(root) if path.suffix.lower() in SUFFIXES)
    return any(number >= MOST_IMAGES for number, _ in enumerate(images))

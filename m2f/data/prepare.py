"""Make sure that the data of a config is there before anything is trained on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine import Config

from m2f.data.scenes import Progress, SceneSpec, ensure_scenes
from m2f.errors import InputError

SOURCES = {
    "coco": "fetch COCO 2017 from https://cocodataset.org/#download (images, instances and panoptic annotations)",
    "ade20k": "fetch ADEChallengeData2016 from http://sceneparsing.csail.mit.edu",
}


def prepare(config: Config, progress: Progress | None = None) -> None:
    """Generate the scenes that a config asks for, or check that its data set is in place.

    Args:
        config: a config whose data paths are resolved.
        progress: called with (scenes done, scenes in all) while scenes are generated.

    Raises:
        InputError: a directory or annotation file is missing, or something else is where the scenes should be.
    """
    if "scenes" in config:
        ensure_scenes(scene_spec(config), Path(config.scenes.root), progress=progress)
        return
    needed = [path for dataset in datasets(config) for path in (dataset.data_root, *data_paths(dataset))]
    for path in [*needed, *evaluator_paths(config)]:
        if not Path(path).exists():
            raise missing(path, config)


def missing(path: str | Path, config: Config) -> InputError:
    """The error that a part of a config's data set is not there."""
    source = SOURCES.get(config.get("dataset_name"), "put the data set there")
    return InputError(f"{path} does not exist; {source}, or choose another data directory with --data.")


def scene_spec(config: Config) -> SceneSpec:
    """The spec of the scenes that a config asks for."""
    scenes = config.scenes
    return SceneSpec(image_size=scenes.image_size, splits=scenes.splits.to_dict(), seed=scenes.seed)


def datasets(config: Config) -> Iterator[Any]:
    """The configs of the data sets that a config trains and validates on, without their wrappers."""
    for loader in (config.train_dataloader, config.val_dataloader):
        dataset = loader.dataset
        while "dataset" in dataset:
            dataset = dataset.dataset
        yield dataset


def data_paths(dataset: Any) -> list[Path]:
    """The annotation file and the directories of a data set's config."""
    names = [dataset.get("ann_file", ""), *dataset.data_prefix.values()]
    return [Path(dataset.data_root, name) for name in names if name]


def evaluator_paths(config: Config) -> list[Path]:
    """The ground truth that a config's metrics read by themselves, each once."""
    keys = ("panoptic_json", "panoptic_directory", "instances_json")
    paths = [metric[key] for metric in config.get("val_evaluator", []) for key in keys if key in metric]
    return [Path(path) for path in dict.fromkeys(paths)]


def check_class_count(config: Config, dataset: Any) -> None:
    """Check a model's ``num_things`` and ``num_stuff`` against the classes of a built data set.

    A semantic data set does not tell things from stuff: there only the sum counts. In the others things come first,
    as the model counts its classes.

    Raises:
        InputError: they disagree.
    """
    expected = (config.model.num_things, config.model.num_stuff)
    metainfo = dataset.metainfo
    things = metainfo.get("thing_classes")
    if things is None:
        fits = sum(expected) == len(metainfo["classes"])
        what = f"{len(metainfo['classes'])} classes"
    else:
        found = (len(things), len(metainfo["stuff_classes"]))
        fits = expected == found
        what = f"{found[0]} thing and {found[1]} stuff classes"
    if not fits:
        raise InputError(
            f"The data set has {what}, but the config says model.num_things = {expected[0]} and "
            f"model.num_stuff = {expected[1]}; set them to fit."
        )
    if things is not None and metainfo["classes"][: len(things)] != things:
        raise InputError("The data set's categories do not list all things before all stuff; order them so.")

"""Make sure that the data of a config is there before anything is trained on it."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine import Config

from m2f.data.annotations import category_problems
from m2f.data.class_file import check_class_file
from m2f.data.classes import Classes, check_model, check_same_classes, classes_of, things_of
from m2f.data.layout import read_categories
from m2f.data.scene_classes import CATEGORIES
from m2f.data.scenes import Progress, SceneSpec, ensure_scenes
from m2f.data.sources import SOURCES
from m2f.errors import InputError

LOADERS = ("train_dataloader", "val_dataloader")
ANNOTATED = ("CocoPanopticSegments", "CocoInstanceSegments", "CityscapesSegments")
SCENES = (*ANNOTATED, "SceneSemantic")
SAME_ORDER = "list the same classes in the same order in all annotation files"


def prepare(config: Config, progress: Progress | None = None) -> None:
    """Generate the scenes that a config asks for, or check that its data set is in place; and that its classes fit.

    Args:
        config: a config whose data paths are resolved.
        progress: called with (scenes done, scenes in all) while scenes are generated.

    Raises:
        InputError: a directory or annotation file is missing, something else is where the scenes should be, or classes
            differ, see :func:`check_classes`.
    """
    if "scenes" in config:
        check_classes(config)
        ensure_scenes(scene_spec(config), Path(config.scenes.root), progress=progress)
        return
    needed = [path for dataset in datasets(config) for path in (dataset.data_root, *data_paths(dataset))]
    for path in [*needed, *evaluator_paths(config)]:
        if not Path(path).exists():
            raise missing(path, config)
    check_classes(config)


def missing(path: str | Path, config: Config) -> InputError:
    """The error that a part of a config's data set is not there."""
    name = str(config.get("dataset_name")).removesuffix("_tenth")
    if name not in SOURCES:
        mend = "put the data set there"
    elif any(Path(path).as_posix().endswith(made) for made in SOURCES[name].made):
        mend = f"make it with `m2f data prepare {name} DIR`"
    else:
        mend = SOURCES[name].sentence
    return InputError(f"{path} does not exist; {mend}, or choose another data directory with --data.")


def scene_spec(config: Config) -> SceneSpec:
    """The spec of the scenes that a config asks for."""
    scenes = config.scenes
    return SceneSpec(image_size=scenes.image_size, splits=scenes.splits.to_dict(), seed=scenes.seed)


def datasets(config: Config) -> Iterator[Any]:
    """The configs of the data sets that a config trains and validates on, without their wrappers."""
    for name in LOADERS:
        yield unwrapped(config[name].dataset)


def unwrapped(dataset: Any) -> Any:
    """A data set's config without its wrappers."""
    while "dataset" in dataset:
        dataset = dataset.dataset
    return dataset


def data_paths(dataset: Any) -> list[Path]:
    """The annotation file and the directories of a data set's config."""
    names = [dataset.get("ann_file", ""), *dataset.data_prefix.values()]
    return [Path(dataset.data_root, name) for name in names if name]


def evaluator_paths(config: Config) -> list[Path]:
    """The ground truth that a config's metrics read by themselves, each once."""
    keys = ("panoptic_json", "panoptic_directory", "instances_json", "instance_directory", "map_directory")
    paths = [metric[key] for metric in config.get("val_evaluator", []) for key in keys if key in metric]
    return [Path(path) for path in dict.fromkeys(paths)]


def check_classes(config: Config) -> None:
    """Check that a config's model, its data sets and the ground truth of its metrics have the same classes.

    Only the categories of annotation files are read, each file once as long as it does not change: a fraction of a
    second for COCO's; and the names beside semantic maps of one's own. Scenes need not be there yet. Data sets of other
    kinds, whose classes are in code, are looked at when they are built, by :func:`check_class_count`.

    Args:
        config: a config whose data paths are resolved.

    Raises:
        InputError: they differ, in number, name or order; the first class that does is named.
    """
    loaders = [config[name] for name in LOADERS if name in config]
    own = [unwrapped(loader.dataset) for loader in loaders]
    for dataset in own:
        check_class_file(dataset)
    told = [dataset_classes(dataset, "scenes" in config) for dataset in own]
    known = [classes for classes in told if classes]
    model = config.get("model", {})
    for classes in known:
        if "num_things" in model and "num_stuff" in model:
            check_model(model, classes)
        check_same_classes(known[0].source, known[0].names, classes.source, classes.names, SAME_ORDER)
    if told and told[-1]:
        check_truth(config, told[-1])


def check_truth(config: Config, evaluated: Classes) -> None:
    """Check that the ground truth of a config's metrics has the classes of the data set that is evaluated.

    Raises:
        InputError: it has others.
    """
    is_thing = evaluated.is_thing or (True,) * len(evaluated.names)
    for metric in config.get("val_evaluator", []):
        by_id = metric.get("by_id", False)
        names = evaluated.ids if by_id else evaluated.names
        things = [name for name, thing in zip(names, is_thing, strict=True) if thing]
        for key, ours in (("panoptic_json", names), ("instances_json", things)):
            path = Path(metric.get(key, ""))
            if path.is_file():
                categories = categories_of(path)
                # What is asked of instances is answered by the things of either file.
                truth = things_of(categories) if key == "instances_json" or all(is_thing) else categories
                theirs = [category["id" if by_id else "name"] for category in truth]
                check_same_classes(evaluated.source, ours, str(path), theirs, SAME_ORDER)


def dataset_classes(dataset: Any, scenes: bool) -> Classes | None:
    """The classes of a data set's config by its annotation file, or of scenes; None where neither tells."""
    path = Path(dataset.get("data_root", ""), dataset.get("ann_file", ""))
    kind = str(dataset.get("type", "")).rpartition(".")[2]
    if kind in ANNOTATED and path.is_file():
        categories, source = categories_of(path), str(path)
    elif scenes and kind in SCENES:
        categories, source = CATEGORIES, "The data set"
    else:
        return None
    if kind == "SceneSemantic":
        return Classes(source, tuple(category["name"] for category in categories))
    if kind == "CocoInstanceSegments" or dataset.get("things_only"):
        categories = things_of(categories)
    return classes_of(categories, source)


def categories_of(path: Path) -> list[dict[str, Any]]:
    """The categories of an annotation file, remembered as long as it does not change.

    Raises:
        InputError: they cannot be used.
    """
    state = path.stat()
    return _categories(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _categories(path: Path, changed: int, size: int) -> list[dict[str, Any]]:
    categories = read_categories(path)
    for problem in category_problems(path, categories):
        raise InputError(problem)
    return categories


def check_class_count(config: Config, dataset: Any) -> None:
    """Check a model's classes against those of a built data set.

    Raises:
        InputError: they disagree, or the data set has no image.
    """
    metainfo = dataset.metainfo
    images = dataset
    while hasattr(images, "dataset"):
        images = images.dataset
    if len(images) == 0:
        raise InputError(f"The data set in {images.data_root} has no image; fetch it, or name another.")
    things = metainfo.get("thing_classes")
    is_thing = None if things is None else tuple(name in things for name in metainfo["classes"])
    check_model(config.model, Classes("The data set", tuple(metainfo["classes"]), is_thing))

"""What a data set of one's own holds: its task, classes, splits, and how much of each there is."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ablations.own_data.map_labels import look_through, named_classes
from m2f.data.annotations import is_text, load_annotations
from m2f.data.classes import check_same_classes, things_of
from m2f.data.images import VOID_LABEL
from m2f.data.layout import Kind
from m2f.data.places import SemanticMaps, of_coco, two_folders
from m2f.data.verify import Progress
from m2f.errors import InputError

TASKS = ("panoptic", "instance", "semantic")
FILES: dict[str, Kind] = {"panoptic": "panoptic", "instance": "instances", "semantic": "panoptic"}
SPLITS = {"training": "train", "validation": "val"}
HELD_OUT = 5  # one image in so many is held out where a data set has no validation split
LAYOUTS = (
    "COCO's (annotations/panoptic_train.json or instances_train.json, the same for val, and the images in train/ and "
    "val/), or semantic maps in two folders (images/ and labels/, with train/ and val/ in both or in neither)"
)


@dataclass(frozen=True)
class Split:
    """A part of a data set.

    Attributes:
        name: as its files and directories are called.
        images: how many it has.
        counts: by label: segments or objects that are no crowds, or of semantic maps the maps that show it.
        listed: of semantic maps without splits, the names of its images.
    """

    name: str
    images: int
    counts: Mapping[int, int]
    listed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """What a data set holds.

    Attributes:
        root: its directory.
        task: what it is to be trained for.
        classes: names, in the order of the labels.
        is_thing: whether each class is a thing; of semantic maps none is.
        train: what is trained on.
        val: what is evaluated on.
        longest: longer side in pixels of the middle one of the training images.
        objects: of a panoptic data set, whether ``val`` has an instances file as well.
        maps: of semantic maps, where those of ``train`` and of ``val`` lie.
        zero_is_void: of semantic maps, whether 0 is no class and the first class is 1.
    """

    root: Path
    task: str
    classes: tuple[str, ...]
    is_thing: tuple[bool, ...]
    train: Split
    val: Split
    longest: int
    objects: bool = False
    maps: tuple[SemanticMaps, ...] = ()
    zero_is_void: bool = False


def read_contents(root: Path, task: str | None = None, progress: Progress = lambda *place: None) -> Contents:
    """Look through a data set in COCO's layout, or with semantic maps in two folders.

    Args:
        root: its directory.
        task: one of ``TASKS``; None for the first that its files can be trained for.
        progress: is told how far each part has come.

    Raises:
        InputError: it is in neither layout, lacks what the task needs, or its files cannot be used.
    """
    if not root.is_dir():
        raise InputError(f"The data directory {root} does not exist; name that of a data set.")
    if not is_text(str(root.resolve())):
        raise InputError(f"The data directory {str(root)!a} has a name that is not UTF-8; rename it.")
    files: dict[str, dict[str, Path]] = {kind: {} for kind in ("panoptic", "instances")}
    for place in of_coco(root):
        files[place.kind][place.split] = place.path
    maps = two_folders(root)
    possible = [each for each in TASKS if files[FILES[each]] or (maps and each == "semantic")]
    if not possible:
        raise InputError(f"{root} is laid out in no way that is known: {LAYOUTS}; arrange it so.")
    chosen = task or possible[0]
    if chosen not in possible:
        raise InputError(f"{root} has no files for {chosen} segmentation, only for {' and '.join(possible)}.")
    if files[FILES[chosen]]:
        return of_annotations(root, chosen, files, progress)
    return of_maps(root, maps, progress)


def of_annotations(root: Path, task: str, files: Mapping[str, Mapping[str, Path]], progress: Progress) -> Contents:
    """See :func:`read_contents`; of annotation files in COCO's layout."""
    kind = FILES[task]
    names = {key: chosen_split(root, files[kind], word) for key, word in SPLITS.items()}
    contents = []
    for done, name in enumerate(names.values()):
        progress("annotation files", done, len(names))
        contents.append(load_annotations(files[kind][name], kind))
    progress("annotation files", len(names), len(names))
    train, val = ([things_of(each["categories"]), each["categories"]][task != "instance"] for each in contents)
    check_same_classes(
        str(files[kind][names["training"]]),
        [category["name"] for category in train],
        str(files[kind][names["validation"]]),
        [category["name"] for category in val],
        "list the same classes in the same order in both",
    )
    sizes = [max(image["height"], image["width"]) for image in contents[0]["images"]]
    if task == "semantic" and len(train) > VOID_LABEL:
        raise InputError(
            f"{files[kind][names['training']]} has {len(train)} classes, and semantic maps hold {VOID_LABEL} at most; "
            "train it with --task panoptic, or merge some."
        )
    label = {category["id"]: place for place, category in enumerate(train)}
    return Contents(
        root=root,
        task=task,
        classes=tuple(category["name"] for category in train),
        is_thing=tuple(bool(category.get("isthing", 1)) for category in train),
        train=Split(names["training"], len(contents[0]["images"]), segment_counts(contents[0], label)),
        val=Split(names["validation"], len(contents[1]["images"]), segment_counts(contents[1], label)),
        longest=int(np.median(sizes)),
        objects=names["validation"] in files["instances"],
    )


def chosen_split(root: Path, splits: Mapping[str, Any], word: str) -> str:
    """The one of a data set's splits whose name begins so.

    Raises:
        InputError: there is none, or several.
    """
    fitting = [split for split in splits if split.startswith(word)]
    if len(fitting) != 1:
        found = f"{len(fitting)} splits" if fitting else "no split"
        raise InputError(
            f"{root} has {found} whose name begins with '{word}' ({', '.join(sorted(splits))}); name one so, in "
            "annotations/ and in the directory of its images."
        )
    return fitting[0]


def segment_counts(content: Mapping[str, Any], label: Mapping[int, int]) -> Counter[int]:
    """By label the segments or objects of an annotation file that are no crowds."""
    parts = (part for annotation in content["annotations"] for part in annotation.get("segments_info", [annotation]))
    return Counter(label[part["category_id"]] for part in parts if part["category_id"] in label and not part["iscrowd"])


def of_maps(root: Path, maps: Sequence[SemanticMaps], progress: Progress) -> Contents:
    """See :func:`read_contents`; of semantic maps in two folders.

    Raises:
        InputError: a split is missing, an image has no map or a map no image, or its labels cannot be named, see
            :func:`ablations.own_data.map_labels.named_classes`.
    """
    if len(maps) == 1 and not maps[0].split:
        train, val = halves([image for image, _ in paired(maps[0])], maps[0])
        places = (maps[0], maps[0])
        names = [train, val]
    else:
        by_name = {own.split: own for own in maps}
        places = (by_name[chosen_split(root, by_name, "train")], by_name[chosen_split(root, by_name, "val")])
        names = [[stem(image, own) for image, _ in paired(own)] for own in places]
    shown = [
        look_through([own.maps / f"{name}{own.suffixes[1]}" for name in chosen], f"{what} maps", progress)
        for own, chosen, what in zip(places, names, SPLITS, strict=True)
    ]
    classes, zero_is_void = named_classes(root, shown)
    first = int(zero_is_void)
    counts = [{label - first: number for label, number in each.maps.items()} for each in shown]
    listed = [tuple(own) if not places[0].split else () for own in names]
    parts = [
        Split(own.split, len(chosen), {label: number for label, number in count.items() if label >= 0}, names_of)
        for own, chosen, count, names_of in zip(places, names, counts, listed, strict=True)
    ]
    return Contents(
        root=root,
        task="semantic",
        classes=classes,
        is_thing=(False,) * len(classes),
        train=parts[0],
        val=parts[1],
        longest=int(np.median(shown[0].longer_sides)),
        maps=places,
        zero_is_void=zero_is_void,
    )


def paired(maps: SemanticMaps) -> list[tuple[Path, Path]]:
    """The images of a split with their maps.

    Raises:
        InputError: there is none, or one of a pair is missing.
    """
    pairs = list(maps.pairs())
    for pair in pairs:
        for path in pair:
            if not path.is_file():
                raise InputError(f"{path} is missing; each image needs a map of its name, and each map an image.")
    if not pairs:
        raise InputError(f"{maps.images} has no image ending in {maps.suffixes[0]}; put the images there.")
    return pairs


def stem(image: Path, maps: SemanticMaps) -> str:
    """An image's path below its directory, without suffix."""
    return image.relative_to(maps.images).as_posix().removesuffix(maps.suffixes[0])


def halves(images: Sequence[Path], maps: SemanticMaps) -> tuple[list[str], list[str]]:
    """The names of the images to train on and of those held out, chosen by a hash of the names.

    Raises:
        InputError: there are fewer than two.
    """
    names = [stem(image, maps) for image in images]
    if len(names) < 2:
        raise InputError(f"{maps.images} has one image; at least two are needed, of which one is held out.")
    drawn = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = set(drawn[: max(len(names) // HELD_OUT, 1)])
    return [name for name in names if name not in held_out], sorted(held_out)

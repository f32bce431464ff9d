"""Where the layouts that m2f knows have their annotation files, images and maps.

COCO's, which is that of generated scenes too; ADE20K's, Cityscapes' and Mapillary Vistas' as ``m2f data prepare``
leaves them; and semantic maps in two folders.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from m2f.data.cityscapes import image_path
from m2f.data.class_file import read_class_file
from m2f.data.images import VOID_LABEL
from m2f.data.layout import Kind
from m2f.files import files_below

MAP_FOLDERS = ("labels", "annotations", "masks", "maps")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MARKS_OF_ADE20K = ("ade20k_*.json", "objectInfo150.txt", "images/*/ADE_*.jpg")
MARKS_OF_MAPILLARY = ("config_v*.json", "*/panoptic", "*/instances")

Labels = range | frozenset[int]
"""The values that a semantic map may have."""


@dataclass(frozen=True)
class AnnotationFile:
    """An annotation file and what it names.

    Attributes:
        path: of the file.
        kind: what it annotates.
        split: of the data set.
        image: where an image of its list lies.
        pngs: directory of its panoptic PNGs.
        key: by which categories of several files are compared: ``name``, or ``id`` where files name them otherwise.
    """

    path: Path
    kind: Kind
    split: str
    image: Callable[[dict[str, Any]], Path]
    pngs: Path
    key: str = "name"


@dataclass(frozen=True)
class SemanticMaps:
    """The images of a split and their semantic maps.

    Attributes:
        split: of the data set.
        images: their directory, or that of their directories.
        maps: likewise; a map lies in it as its image in the other.
        suffixes: with which names of images and of maps end, in place of each other.
        labels: the values that maps may have.
        known_as: the data set whose labels those are; empty of one's own.
    """

    split: str
    images: Path
    maps: Path
    suffixes: tuple[str, str]
    labels: Labels
    known_as: str = ""

    def pairs(self) -> Iterator[tuple[Path, Path]]:
        """Each image or map with its map or image, whether that is there or not."""
        names: set[str] = set()
        for directory, suffix in zip((self.images, self.maps), self.suffixes, strict=True):
            found = (path.relative_to(directory).as_posix() for path in files_below(directory))
            names |= {name.removesuffix(suffix) for name in found if name.endswith(suffix)}
        for name in sorted(names):
            yield self.images / f"{name}{self.suffixes[0]}", self.maps / f"{name}{self.suffixes[1]}"


def annotation_files(root: Path) -> list[AnnotationFile]:
    """The annotation files that are there."""
    return [file for find in (of_coco, of_ade20k, of_cityscapes, of_mapillary) for file in find(root)]


def of_coco(root: Path) -> Iterator[AnnotationFile]:
    """COCO's, panoptic files first."""
    kinds: tuple[Kind, ...] = ("panoptic", "instances")
    for kind in kinds:
        for path in sorted(root.glob(f"annotations/{kind}_*.json")):
            split = path.stem.split("_", maxsplit=1)[1]
            yield AnnotationFile(path, kind, split, below(root / split), path.with_suffix(""))


def of_ade20k(root: Path) -> Iterator[AnnotationFile]:
    """ADE20K's, whose instance files call some classes otherwise."""
    kinds: dict[str, Kind] = {"panoptic": "panoptic", "instance": "instances"}
    for word, kind in kinds.items():
        for name, split in (("train", "training"), ("val", "validation")):
            path = root / f"ade20k_{word}_{name}.json"
            if path.is_file():
                yield AnnotationFile(path, kind, split, below(root / "images" / split), path.with_suffix(""), "id")


def of_cityscapes(root: Path) -> Iterator[AnnotationFile]:
    """Cityscapes', whose images are found by their ids."""
    for path in sorted(root.glob("gtFine/cityscapes_panoptic_*.json")):
        split = path.stem.rpartition("_")[2]
        images = root / "leftImg8bit" / split
        yield AnnotationFile(path, "panoptic", split, in_cities(images), path.with_suffix(""))


def of_mapillary(root: Path) -> Iterator[AnnotationFile]:
    """Mapillary Vistas'."""
    for path in sorted(root.glob("*/panoptic/panoptic_2018.json")):
        split = path.parents[1].name
        yield AnnotationFile(path, "panoptic", split, below(root / split / "images"), path.parent)


def below(directory: Path) -> Callable[[dict[str, Any]], Path]:
    """Where images lie that have their names."""
    return lambda image: directory / image["file_name"]


def in_cities(directory: Path) -> Callable[[dict[str, Any]], Path]:
    """Where Cityscapes' images lie."""
    return lambda image: image_path(directory, str(image["id"]))


def semantic_maps(root: Path) -> list[SemanticMaps]:
    """The splits with semantic maps that are there; those of scenes are looked at with their annotation files.

    Images of ADE20K, Cityscapes or Mapillary Vistas whose maps were given other classes are a data set of one's own: a
    file of classes tells, which none of the three has.

    Raises:
        InputError: there is such a file, and it cannot be read.
    """
    finders = (maps_of_ade20k, maps_of_cityscapes, maps_of_mapillary)
    known = [maps for find in finders for maps in find(root) if maps.images.is_dir() and maps.maps.is_dir()]
    if known and read_class_file(root) is not None:
        known = [replace(maps, labels=range(256), known_as="") for maps in known]
        return two_folders(root) or known
    return known or two_folders(root)


def maps_of_ade20k(root: Path) -> Iterator[SemanticMaps]:
    """ADE20K's, whose directories many a data set has: so it is told by what it alone has."""
    if not any(path for mark in MARKS_OF_ADE20K for path in root.glob(mark)):
        return
    labels = frozenset({*range(151), VOID_LABEL})
    for split in ("training", "validation"):
        images, maps = root / "images" / split, root / "annotations" / split
        yield SemanticMaps(split, images, maps, (".jpg", ".png"), labels, "ADE20K")


def maps_of_cityscapes(root: Path) -> Iterator[SemanticMaps]:
    """Cityscapes', whose directories and names of files are its own."""
    labels = frozenset({*range(19), VOID_LABEL})
    suffixes = ("_leftImg8bit.png", "_gtFine_labelTrainIds.png")
    for split in ("train", "val"):
        images, maps = root / "leftImg8bit" / split, root / "gtFine" / split
        yield SemanticMaps(split, images, maps, suffixes, labels, "Cityscapes")


def maps_of_mapillary(root: Path) -> Iterator[SemanticMaps]:
    """Mapillary Vistas'; where nothing says that they are, of a data set laid out so, whose labels are not known."""
    marked = any(path for mark in MARKS_OF_MAPILLARY for path in root.glob(mark))
    labels, known_as = (range(66), "Mapillary Vistas") if marked else (range(256), "")
    for split in ("training", "validation"):
        images, maps = root / split / "images", root / split / "labels"
        yield SemanticMaps(split, images, maps, (".jpg", ".png"), labels, known_as)


def two_folders(root: Path) -> list[SemanticMaps]:
    """The splits of a data set of one's own: ``images/`` and a folder of maps, each with the splits in it or with none.

    What its labels mean is not known here: any is taken. ``annotations/`` with COCO's files has no maps, nor has a
    folder with other things alone, such as the text files of boxes.
    """
    images = root / "images"
    if not images.is_dir():
        return []
    folders = [root / name for name in MAP_FOLDERS if name != "annotations" or not any(of_coco(root))]
    maps = next(
        (folder for folder in folders if any(path.suffix.lower() in SUFFIXES for path in files_below(folder))), None
    )
    if maps is None:
        return []
    splits = sorted(path.name for path in maps.iterdir() if path.is_dir() and (images / path.name).is_dir())
    return [
        SemanticMaps(
            split, images / split, maps / split, (suffix_in(images / split), suffix_in(maps / split)), range(256)
        )
        for split in splits or [""]
    ]


def suffix_in(directory: Path) -> str:
    """The suffix of most of a directory's images; ``.png`` where there is none."""
    found = Counter(path.suffix for path in files_below(directory) if path.suffix.lower() in SUFFIXES)
    return found.most_common(1)[0][0] if found else ".png"

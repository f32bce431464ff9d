"""What the official preparation scripts make of a data set as it is downloaded: maps, PNGs and annotation files."""

from collections.abc import Callable, Iterator
from pathlib import Path

from m2f.data.preparation import ade20k, cityscapes, coco, mapillary
from m2f.data.preparation.part import Part, Progress, carry_out
from m2f.data.sources import SOURCES
from m2f.errors import InputError

PARTS: dict[str, Callable[[Path], Iterator[Part]]] = {
    "ade20k": ade20k.parts,
    "cityscapes": cityscapes.parts,
    "coco": coco.parts,
}
"""What is to be made of a data set below its directory, by its name."""


def prepare_files(dataset: str, root: Path, progress: Progress) -> None:
    """Make all that m2f and the official code read of a data set beside what is downloaded, where it is not there yet.

    Stopped and given again, it goes on where it was.

    Args:
        dataset: ``ade20k``, ``cityscapes``, ``coco`` or ``mapillary``.
        root: its directory, as it is laid out when its archives are unpacked.
        progress: is told what is made, how many images are done, and how many there are in all.

    Raises:
        InputError: a directory or a file is missing, damaged, or cannot be written.
    """
    source = SOURCES[dataset]
    for place in source.needed:
        if not (root / place).is_dir():
            raise InputError(f"{root} has no {place}; {source.sentence}, or name its directory.")
    try:
        if dataset == "mapillary":
            mapillary.link_version(root)
        else:
            carry_out(PARTS[dataset](root), progress)
    except OSError as error:
        raise InputError(f"{error.filename or root} cannot be written ({error.strerror}); make room there.") from error

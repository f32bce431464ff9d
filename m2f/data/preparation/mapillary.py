"""Mapillary Vistas: the truth of version 1.2 where the configs look for it.

Its archive of release 1.2 is laid out so already; that of release 2.0 has ``v1.2`` beside ``v2.0``, of which links are
made here. Nothing else is to be made: the archive has panoptic PNGs and their annotation file.
"""

from pathlib import Path

from m2f.errors import InputError

SPLITS = ("training", "validation")
KINDS = ("labels", "instances", "panoptic")


def link_version(root: Path) -> None:
    """Link ``<split>/labels`` and the others to those of version 1.2.

    Raises:
        InputError: a link cannot be made.
    """
    for split in SPLITS:
        for kind in KINDS:
            place, source = root / split / kind, Path("v1.2", kind)
            if place.exists() or not (root / split / source).is_dir():
                continue
            try:
                place.symlink_to(source, target_is_directory=True)
            except OSError as error:
                raise InputError(
                    f"{place} cannot be made ({error.strerror}); copy {root / split / source} there."
                ) from error

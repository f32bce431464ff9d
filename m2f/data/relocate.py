"""Point a config's evaluation at a data set that lies elsewhere: another directory, another split."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine import Config
from mmengine.dataset import BaseDataset

from m2f.data.class_file import check_class_file
from m2f.data.prepare import data_paths, evaluator_paths
from m2f.data.present import first_missing, listed
from m2f.errors import InputError

IN_FULL = {"train": "training", "val": "validation"}  # as ADE20K's files and directories call its splits


def relocate(config: Config, data: Path, split: str | None = None) -> Config:
    """A copy of a config that evaluates on the data set in ``data``, laid out as the config's own is.

    What the config says of its training data stays as it is.

    Args:
        config: a whole config as in ``configs/``.
        data: a directory, such as one in COCO's layout.
        split: takes the place of ``config.split`` in the names of files and directories; None for the config's own.

    Raises:
        InputError: the config's paths do not name its split, an annotation file or a directory is missing, or the data
            set has a file of classes that are not the config's.
    """
    if not data.is_dir():
        raise InputError(f"The data directory {data} does not exist; name that of the data set with --data.")
    config = Config(config.to_dict(), filename=config.filename)
    dataset = config.val_dataloader.dataset
    before = config.get("split", "")
    after = split or before
    names = [dataset.get("ann_file", ""), *dataset.data_prefix.values()]
    if after != before and not any(renamed(name, before, after) != name for name in names):
        raise InputError(f"The config's data set does not call its parts by a split '{before}'; leave out --split.")
    config.val_evaluator = moved(config.val_evaluator, dataset.data_root, data, before, after)
    if "ann_file" in dataset:
        dataset.ann_file = renamed_file(dataset.ann_file, before, after)
    dataset.data_prefix = {key: renamed(name, before, after) for key, name in dataset.data_prefix.items()}
    dataset.data_root = f"{data}/"
    config.split = after
    for path in (*data_paths(dataset), *evaluator_paths(config)):
        if not path.exists():
            raise InputError(f"{path} does not exist; --data and --split must name a data set that has it.")
    check_class_file(dataset)
    return config


def moved(value: Any, root: str, data: Path, before: str, after: str) -> Any:
    """A value of a config in which what lies below ``root`` lies below ``data``, and split ``before`` is ``after``."""
    if isinstance(value, dict):
        return {key: moved(item, root, data, before, after) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [moved(item, root, data, before, after) for item in value]
    if isinstance(value, str) and value.startswith(root):
        return str(data / renamed(value.removeprefix(root).lstrip("/"), before, after))
    return value


def renamed(path: str, before: str, after: str) -> str:
    """A relative path in which a split has another name, where that is a word of the path, short or in full."""
    if not before:
        return path
    names = {before: after, IN_FULL.get(before, before): IN_FULL.get(after, after)}
    words = "|".join(map(re.escape, names))
    return re.sub(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])", lambda found: names[found[0]], path)


def renamed_file(path: str, before: str, after: str) -> str:
    """Likewise of an annotation file; of a list elsewhere its name alone, as its directories are called by others."""
    place = Path(path)
    return (
        str(place.with_name(renamed(place.name, before, after)))
        if place.is_absolute()
        else renamed(path, before, after)
    )


def check_files(dataset: BaseDataset, listed_by: Path | None = None) -> None:
    """Check that each image of a built data set is there, and its map where it has one.

    Args:
        dataset: the data set.
        listed_by: the file of names that chooses its images, if one does.

    Raises:
        InputError: one is missing.
    """
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    maps = [Path(info["seg_map_path"]) for info in infos if info.get("seg_map_path")]
    check_all([Path(info["img_path"]) for info in infos], listed_by)
    check_all(maps, listed_by)
    if not dataset.ann_file and maps:  # the data set knows the images that are there, and no others
        suffix = getattr(dataset, "seg_map_suffix", maps[0].suffix)  # other files may lie beside the maps
        known = set(maps)
        for directory in sorted({path.parent for path in maps}):
            without = {directory / name for name in listed(directory, suffix)} - known
            if without:
                raise InputError(f"The image of {min(without)} is missing; fetch it, or remove the map.")


def check_all(paths: Sequence[Path], listed_by: Path | None = None) -> None:
    """Raise ``InputError`` if there is no such file, which a list may name that was made of other images."""
    missing = first_missing(paths)
    if missing and listed_by:
        raise InputError(
            f"{missing} is missing, of which {listed_by} has the name: the list is of other images, or of these before "
            "they changed; give `--override val_dataloader.dataset.ann_file=` to take all images, or fetch the file."
        )
    if missing:
        raise InputError(f"{missing} is missing; fetch it, or evaluate on a split that is whole.")

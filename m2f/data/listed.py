"""Data sets that take the images of a list of names, such as those held out: what is in their directories besides."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from m2f.data.class_file import lines_of
from m2f.files import files_below


def list_of(dataset: Any) -> Path | None:
    """The file of names that chooses the images of a data set with semantic maps; None where all are taken.

    Args:
        dataset: its config as ``m2f data init`` writes it, without wrappers, data paths resolved.
    """
    name = dataset.get("ann_file", "")
    if not name or "img_suffix" not in dataset or Path(name).suffix == ".json":
        return None
    return Path(dataset.get("data_root", ""), name)


def left_out(datasets: Iterable[Any]) -> list[Path]:
    """The images in the directories of data sets with lists that none of these lists names.

    Args:
        datasets: configs as :func:`list_of` takes them.

    Raises:
        InputError: a list is no text in UTF-8.
    """
    there: set[Path] = set()
    named: set[Path] = set()
    for dataset in datasets:
        file = list_of(dataset)
        if file is not None:
            directory = Path(dataset.get("data_root", ""), dataset["data_prefix"]["img_path"])
            suffix = dataset["img_suffix"]
            there |= {path for path in files_below(directory) if path.name.endswith(suffix)}
            named |= {directory / f"{name}{suffix}" for name in lines_of(file)}
    return sorted(there - named)

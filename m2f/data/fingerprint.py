"""A name for the data that a config trains and evaluates on."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mmengine import Config

from m2f.data.prepare import data_paths, datasets, evaluator_paths, missing, scene_spec
from m2f.errors import InputError
from m2f.files import files_below, sha256


def fingerprint(config: Config) -> str:
    """SHA-256, in hex, that changes when the data does.

    Generated scenes are named by their spec and the generator's version and need not exist. Any other data set is
    named by the content of its annotation files; where there is none, by its list of images if it has one, and the
    names and sizes of all files below its annotation directories (ADE20K), or where no directory is called so, below
    all of its directories (Cityscapes).
    Label maps of which only pixels change, panoptic PNGs among them, are not told apart.

    Args:
        config: a config; unless its data are scenes, with resolved data paths.

    Raises:
        InputError: the annotations are missing, or a directory of them is empty.
    """
    digest = hashlib.sha256()
    if "scenes" in config:
        digest.update(json.dumps(scene_spec(config).as_dict(), sort_keys=True).encode())
        return digest.hexdigest()
    annotations = [path for dataset in datasets(config) for path in _annotation_paths(dataset)]
    truth = [path for path in evaluator_paths(config) if path.suffix == ".json"]
    for path in dict.fromkeys([*annotations, *truth]):
        if not path.exists():
            raise missing(path, config)
        digest.update(sha256(path) if path.is_file() else _listing_digest(path))
    return digest.hexdigest()


def _annotation_paths(dataset: Any) -> list[Path]:
    paths = data_paths(dataset)
    first = paths[:1] if dataset.get("ann_file") else []
    if first and first[0].suffix == ".json":
        return first
    return [*first, *([path for path in paths if "annotations" in path.parts] or paths)]  # a list of names tells little


def _listing_digest(directory: Path) -> bytes:
    files = files_below(directory)
    listing = sorted((path.relative_to(directory).as_posix(), path.stat().st_size) for path in files)
    if not listing:
        raise InputError(f"{directory} has no file, so nothing tells this data set from others; fetch it.")
    return hashlib.sha256(json.dumps(listing).encode()).digest()

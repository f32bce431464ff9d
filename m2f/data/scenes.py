"""Generated scenes on disk, in COCO's own layout.

    root/train2017/000000000001.png             images
    root/annotations/panoptic_train2017.json    segments, categories with isthing; one PNG per image beside it
    root/annotations/instances_train2017.json   things as compressed RLE of what is visible of them
    root/annotations/semantic_train2017/*.png   contiguous class ids, 255 for void
    root/manifest.json                          spec, generator version, checksums

``m2f.data.scene_painting`` documents what is in a scene. Bytes of PNG files depend on the PNG encoder, decoded pixels
do not: the manifest holds the checksum of every file, for the integrity of this copy, and per split one of all pixels
and segments, which is the same on every machine.
"""

import fcntl
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask
from numpy.typing import NDArray

from m2f.data.images import encode_png, segment_colours
from m2f.data.scene_classes import CATEGORIES
from m2f.data.scene_painting import Scene, paint
from m2f.errors import InputError
from m2f.files import load_json, new_directory

GENERATOR_VERSION = 1  # raise it whenever a pixel or an annotation of any scene changes
VOID_LABEL = 255

Progress = Callable[[int, int], None]  # called with (scenes done, scenes in all)


@dataclass(frozen=True)
class SceneSpec:
    """Everything that decides the pixels: image side in pixels, scenes per split, seed."""

    image_size: int
    splits: Mapping[str, int]
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The spec with the generator's version, as it stands in the manifest."""
        return {
            "version": GENERATOR_VERSION,
            "image_size": self.image_size,
            "splits": dict(self.splits),
            "seed": self.seed,
        }


def ensure_scenes(spec: SceneSpec, root: Path, workers: int | None = None, progress: Progress | None = None) -> None:
    """Generate the scenes of ``spec`` at ``root``, unless they are there already.

    Written to a temporary directory beside ``root`` and renamed when complete; of two processes that race, one
    generates and the other waits and reuses.

    Args:
        spec: which scenes.
        root: their directory; its parents are made.
        workers: processes to paint with; as many as there are cores if not given.
        progress: called after each scene.

    Raises:
        InputError: ``root`` holds something else, or cannot be written.
    """
    if _is_generated(spec, root):
        return
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with _lock(root.parent / f".{root.name}.lock"):
            if not _is_generated(spec, root):
                with new_directory(root) as directory:
                    _write(spec, directory, workers or os.cpu_count() or 1, progress)
    except OSError as error:
        raise InputError(f"Scenes cannot be written to {root}: {error.strerror}; choose another directory.") from error


def _is_generated(spec: SceneSpec, root: Path) -> bool:
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    mend = "remove it or choose another directory."
    if not (root / "manifest.json").is_file():
        raise InputError(f"{root} exists but holds no generated scenes (no manifest.json); {mend}")
    manifest = load_json(root / "manifest.json")
    if (found := manifest.get("spec")) != spec.as_dict():
        raise InputError(f"{root} holds other scenes than asked for: {found}, not {spec.as_dict()}; {mend}")
    present = {path.relative_to(root).as_posix() for path in root.rglob("*.*")}
    if missing := sorted(set(manifest["files"]) - present):
        raise InputError(f"{root} lacks {len(missing)} of its files, {missing[0]} for one; remove it and run again.")
    return True


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(spec: SceneSpec, root: Path, workers: int, progress: Progress | None) -> None:
    for split in spec.splits:
        for directory in (split, f"annotations/panoptic_{split}", f"annotations/semantic_{split}"):
            (root / directory).mkdir(parents=True)
    tasks = [(spec, root, split, index) for split, count in spec.splits.items() for index in range(count)]
    records: dict[str, list[dict[str, Any]]] = {split: [] for split in spec.splits}
    files: dict[str, str] = {}
    for done, (task, record) in enumerate(zip(tasks, _map(_write_scene, tasks, workers), strict=True), start=1):
        records[task[2]].append(record)
        files.update(record["files"])
        if progress:
            progress(done, len(tasks))
    for split, split_records in records.items():
        files.update(_write_annotations(root, split, split_records))
    pixels = {split: _digest([record["pixels"] for record in records[split]]) for split in spec.splits}
    _write_json(root / "manifest.json", {"spec": spec.as_dict(), "pixels": pixels, "files": files})


def _map(function: Callable[..., Any], tasks: list[Any], workers: int) -> Iterator[Any]:
    """Map over tasks in order, in worker processes where there is enough to do to pay for starting them."""
    workers = min(workers, len(tasks) // 64)
    if workers <= 1:
        yield from map(function, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(function, tasks, chunksize=16)


def _write_scene(task: tuple[SceneSpec, Path, str, int]) -> dict[str, Any]:
    """Paint and write one scene; what the annotation files and the manifest say about it."""
    spec, root, split, index = task
    scene = paint(spec.seed, split, index, spec.image_size)
    name = f"{index + 1:012d}.png"
    contents = {
        # Noise does not compress: stored uncompressed, an image decodes three times as fast.
        f"{split}/{name}": encode_png(scene.image, compression=0),
        f"annotations/panoptic_{split}/{name}": encode_png(segment_colours(scene.segment_map), compression=1),
        f"annotations/semantic_{split}/{name}": encode_png(_semantic_map(scene), compression=1),
    }
    for path, content in contents.items():
        (root / path).write_bytes(content)
    image_id = index + 1
    annotations = _annotations(scene, image_id)
    return {
        "image": {"id": image_id, "file_name": name, "height": spec.image_size, "width": spec.image_size},
        "panoptic": {"image_id": image_id, "file_name": name, "segments_info": annotations},
        "instances": _instances(scene, annotations, image_id),
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()},
        "pixels": _scene_digest(scene),
    }


def _semantic_map(scene: Scene) -> NDArray[np.uint8]:
    labels = {category["id"]: label for label, category in enumerate(CATEGORIES)}
    semantic = np.full(scene.segment_map.shape, VOID_LABEL, dtype=np.uint8)
    for segment in scene.segments:
        semantic[scene.segment_map == segment["id"]] = labels[segment["category_id"]]
    return semantic


def _annotations(scene: Scene, image_id: int) -> list[dict[str, Any]]:
    """The scene's segments with COCO's ``area`` and ``bbox`` (x, y, width, height)."""
    annotations = []
    for segment in scene.segments:
        rows, columns = np.nonzero(scene.segment_map == segment["id"])
        left, top = int(columns.min()), int(rows.min())
        box = [left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1]
        annotations.append({**segment, "area": len(rows), "bbox": box})
    return annotations


def _instances(scene: Scene, annotations: list[dict[str, Any]], image_id: int) -> list[dict[str, Any]]:
    """The things among the annotations, as ``instances_*.json`` has them: ids unique in the file, masks as RLE."""
    things = {category["id"] for category in CATEGORIES if category["isthing"]}
    instances = []
    for number, annotation in enumerate(annotations):
        if annotation["category_id"] not in things:
            continue
        mask = np.asfortranarray(scene.segment_map == annotation["id"], dtype=np.uint8)
        code = pycocotools.mask.encode(mask)
        segmentation = {"size": code["size"], "counts": code["counts"].decode("ascii")}
        identity = {"id": image_id * 100 + number, "image_id": image_id, "segmentation": segmentation}
        instances.append({**annotation, **identity})
    return instances


def _write_annotations(root: Path, split: str, records: list[dict[str, Any]]) -> dict[str, str]:
    """Write both annotation files of a split; their checksums by path."""
    images = [record["image"] for record in records]
    things = [category for category in CATEGORIES if category["isthing"]]
    panoptic = [record["panoptic"] for record in records]
    instances = [instance for record in records for instance in record["instances"]]
    info = {"description": f"m2f generated scenes, version {GENERATOR_VERSION}"}
    contents = {
        "panoptic": {"info": info, "images": images, "annotations": panoptic, "categories": CATEGORIES},
        "instances": {"info": info, "images": images, "annotations": instances, "categories": things},
    }
    return {
        f"annotations/{kind}_{split}.json": _write_json(root / "annotations" / f"{kind}_{split}.json", content)
        for kind, content in contents.items()
    }


def _write_json(path: Path, content: dict[str, Any]) -> str:
    """Write a JSON file; its SHA-256."""
    octets = json.dumps(content, separators=(",", ":")).encode()
    path.write_bytes(octets)
    return hashlib.sha256(octets).hexdigest()


def _scene_digest(scene: Scene) -> str:
    segments = json.dumps(scene.segments, sort_keys=True)
    return hashlib.sha256(
        scene.image.tobytes() + scene.segment_map.astype("<i4").tobytes() + segments.encode()
    ).hexdigest()


def _digest(digests: list[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()

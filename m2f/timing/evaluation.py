"""How fast PQ and AP are computed beside the programs that define them, and whether the numbers are equal.

Ours and the peer begin with the same predictions of generated scenes, which have as many pixels as COCO's images, and
end with the same numbers. Annotation files have been read before; the ground truth's segment maps are PNG files, as in
COCO, and reading them counts. Predicted segment maps are in memory, where a model leaves them. No peer takes those:
panopticapi and hotcoco read PNG files, and are timed where the files are there and where they have to be written first.
Of ours, mask AP is hotcoco's and boundary AP is faster-coco-eval's with fewer boundaries drawn; what is ours alone is
PQ and the encoding of masks. Time is the processor's, of all threads together, so that threads gain nothing and it
hardly matters what else the machine does.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pycocotools.mask
import torch
from hotcoco.panoptic import PanopticEval
from numpy.typing import NDArray

from m2f.data.images import encode_png, read_segment_ids, segment_colours
from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.files import load_json, write_json
from m2f.metrics.average_precision import boundary_precision, mask_statistics
from m2f.metrics.mask_codes import encode_masks
from m2f.metrics.panoptic_quality import PanopticQuality, quality_by_class
from m2f.peers.evaluation_programs import (
    faster_coco_boundary,
    hotcoco_qualities,
    panopticapi_counts,
    pycocotools_statistics,
)

SIDE = 560  # pixels of a square scene, about as many as in 480 x 640
FEWER = 10  # one image in so many where the peer is slow or all masks are in memory
NEAR = 8  # pixels by which predictions are moved at most
RENAMED = 0.1  # share of predictions with a class drawn at random

Numbers = NDArray[np.float64]
Work = Callable[[], Numbers]
"""What is timed; returns its numbers in percent."""
Sample = dict[str, Any]
"""An image's prediction as metrics take it."""


@dataclass(frozen=True)
class Pair:
    """One work, ours and the peer's: what is computed from what, beside which program, for how many images."""

    work: str
    peer: str
    images: int
    ours: Work
    theirs: Work


@dataclass(frozen=True)
class EvaluationSpeed:
    """How a :class:`Pair` came out.

    Attributes:
        work: what is computed, and from what.
        peer: the program beside ours.
        images: how many were evaluated.
        ours: seconds of processor time, median.
        theirs: seconds of processor time, median.
        ratio: theirs by ours, median of those that ran one after the other.
        difference: largest absolute difference of a number in percent, among PQ, SQ and RQ of every class, COCO's
            twelve statistics, or boundary AP.
    """

    work: str
    peer: str
    images: int
    ours: float
    theirs: float
    ratio: float
    difference: float


def compare_evaluation(
    images: int = 100, detections: int = 100, repeats: int = 3, seed: int = 0
) -> list[EvaluationSpeed]:
    """Time PQ, AP and boundary AP.

    Args:
        images: how many scenes.
        detections: masks an image.
        repeats: how often each is timed, after one time that does not count.
        seed: of scenes and predictions.

    Returns:
        PQ from predicted maps, where the peer finds them in PNG files, and where it has to write those first; PQ from
        PNG files that both read; AP from run-length encoded masks, and from bool masks, which either program encodes
        with its own; boundary AP.
    """
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "scenes"
        ensure_scenes(SceneSpec(SIDE, {"val2017": images}, seed), root, workers=1)
        rng = np.random.default_rng(seed)
        pairs = [*panoptic_pairs(root, rng), *instance_pairs(root, detections, rng)]
        return [race(pair, repeats) for pair in pairs]


def race(pair: Pair, repeats: int) -> EvaluationSpeed:
    """Time both in turn."""
    difference = float(np.abs(pair.ours() - pair.theirs()).max())
    times = [(seconds(pair.ours), seconds(pair.theirs)) for _ in range(repeats)]
    ours, theirs = (median(own) for own in zip(*times, strict=True))
    ratio = median(slow / fast for fast, slow in times)
    return EvaluationSpeed(pair.work, pair.peer, pair.images, ours, theirs, ratio, difference)


def seconds(work: Work) -> float:
    """Processor time that a work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def panoptic_pairs(root: Path, rng: np.random.Generator) -> list[Pair]:
    """PQ of predictions that are the scenes' segments moved by a few pixels."""
    truth_json = root / "annotations/panoptic_val2017.json"
    metric = PanopticQuality(str(truth_json), str(truth_json.with_suffix("")))
    truth = list(metric.truth.annotations.values())
    samples = [predicted_sample(metric, annotation, rng) for annotation in truth]
    predicted = [
        {key: annotation[key] for key in ("image_id", "file_name")} | {"segments_info": sample["segments_info"]}
        for annotation, sample in zip(truth, samples, strict=True)
    ]
    directory = root / "predicted"
    directory.mkdir()
    paths = [directory / annotation["file_name"] for annotation in predicted]
    write_json(directory.with_suffix(".json"), {"annotations": predicted})
    evaluation = PanopticEval(str(truth_json), directory.with_suffix(".json"))

    def ours() -> Numbers:
        return by_metric(samples)

    def ours_read() -> Numbers:
        return by_metric(read_maps(samples, paths))

    def by_metric(given: list[Sample]) -> Numbers:
        metric.results.clear()
        metric.process(None, given)
        return 100 * quality_by_class(np.sum(metric.results, axis=0))[0]

    def panopticapi() -> Numbers:
        counts = panopticapi_counts(truth, metric.truth.directory, predicted, directory, metric.truth.categories)
        return 100 * quality_by_class(counts)[0]

    def hotcoco() -> Numbers:
        return 100 * hotcoco_qualities(evaluation)

    def written(theirs: Work) -> Numbers:
        write_maps(samples, paths)
        return theirs()

    write_maps(samples, paths)
    there, memory = "PQ, predictions in PNG files for the peer", "PQ, predictions in memory"
    return [
        Pair(there, "panopticapi", len(truth), ours, panopticapi),
        Pair(memory, "panopticapi", len(truth), ours, lambda: written(panopticapi)),
        Pair(there, "hotcoco", len(truth), ours, hotcoco),
        Pair(memory, "hotcoco", len(truth), ours, lambda: written(hotcoco)),
        Pair("PQ, predictions in PNG files for both", "hotcoco", len(truth), ours_read, hotcoco),
    ]


def predicted_sample(metric: PanopticQuality, annotation: dict[str, Any], rng: np.random.Generator) -> Sample:
    """A sample as the metric takes it, see :func:`predict_segments`."""
    truth = read_segment_ids(metric.truth.directory / annotation["file_name"])
    sample = predict_segments(truth, annotation, rng)
    for segment in sample["segments_info"]:
        segment["label"] = metric.truth.labels[segment["category_id"]]
    return sample


def write_maps(samples: list[Sample], paths: list[Path]) -> None:
    """Write predicted segment maps as COCO's panoptic PNGs."""
    for sample, path in zip(samples, paths, strict=True):
        colours = segment_colours(sample["pred_panoptic_seg"]["data"][0].numpy())
        path.write_bytes(encode_png(colours, compression=1))


def read_maps(samples: list[Sample], paths: list[Path]) -> list[Sample]:
    """The samples with the maps that :func:`write_maps` has written."""
    maps = [torch.from_numpy(read_segment_ids(path))[None] for path in paths]
    return [{**sample, "pred_panoptic_seg": {"data": own}} for sample, own in zip(samples, maps, strict=True)]


def predict_segments(segment_map: NDArray[np.int32], annotation: dict[str, Any], rng: np.random.Generator) -> Sample:
    """A sample as the model gives it: the image's segments, moved, numbered from 1, a few of another class."""
    categories = [segment["category_id"] for segment in annotation["segments_info"]]
    ids = np.array([0, *(segment["id"] for segment in annotation["segments_info"])])
    order = np.argsort(ids)
    numbers = order[
        np.searchsorted(ids, np.roll(segment_map, rng.integers(-NEAR, NEAR + 1, 2), axis=(0, 1)), sorter=order)
    ]
    segments = [
        {"id": number, "category_id": int(rng.choice(categories)) if rng.random() < RENAMED else category}
        for number, category in enumerate(categories, start=1)
    ]
    data = torch.from_numpy(numbers.astype(np.int32))[None]
    return {"img_id": annotation["image_id"], "pred_panoptic_seg": {"data": data}, "segments_info": segments}


def instance_pairs(root: Path, detections: int, rng: np.random.Generator) -> list[Pair]:
    """AP of detections that are the scenes' things, each once near its place and then anywhere."""
    truth = load_json(root / "annotations/instances_val2017.json")
    image_ids = [image["id"] for image in truth["images"]]
    few = image_ids[::FEWER]
    found: list[dict[str, Any]] = []
    kept: list[tuple[list[dict[str, Any]], torch.Tensor]] = []
    for image_id in image_ids:
        own, masks = detect(truth, image_id, detections, rng)
        encoded = encoded_detections(own, encode_masks(masks))
        found.extend(encoded)
        if image_id in few:
            kept.append((own, masks))
    found_in_few = [detection for detection in found if detection["image_id"] in few]

    def encoded_by(encode: Callable[[torch.Tensor], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        return [detection for own, masks in kept for detection in encoded_detections(own, encode(masks))]

    def ours() -> Numbers:
        return percent(mask_statistics(truth, found, image_ids))

    def theirs() -> Numbers:
        return percent(pycocotools_statistics(truth, found, image_ids))

    def ours_encoded() -> Numbers:
        return percent(mask_statistics(truth, encoded_by(encode_masks), few))

    def theirs_encoded() -> Numbers:
        return percent(pycocotools_statistics(truth, encoded_by(encode_by_pycocotools), few))

    def our_boundary() -> Numbers:
        return percent({"AP": boundary_precision(truth, found_in_few, few)})

    def their_boundary() -> Numbers:
        return percent({"AP": faster_coco_boundary(truth, found_in_few, few)})

    return [
        Pair("AP, masks run-length encoded", "pycocotools", len(image_ids), ours, theirs),
        Pair("AP, masks in memory", "pycocotools", len(few), ours_encoded, theirs_encoded),
        Pair("boundary AP, masks run-length encoded", "faster-coco-eval", len(few), our_boundary, their_boundary),
    ]


def detect(
    truth: dict[str, Any], image_id: int, count: int, rng: np.random.Generator
) -> tuple[list[dict[str, Any]], torch.Tensor]:
    """Detections of an image without their masks, and those, bool ``[count, H, W]``."""
    objects = [annotation for annotation in truth["annotations"] if annotation["image_id"] == image_id]
    masks = pycocotools.mask.decode([annotation["segmentation"] for annotation in objects])  # [H, W, objects]
    categories = [category["id"] for category in truth["categories"]]
    detections, moved = [], []
    for number in range(count):
        index = number % len(objects)
        reach = NEAR if number < len(objects) else SIDE  # every object is found once; the rest lie anywhere
        category = int(rng.choice(categories)) if rng.random() < RENAMED else objects[index]["category_id"]
        detections.append({"image_id": image_id, "category_id": category, "score": float(rng.random())})
        moved.append(np.roll(masks[:, :, index], rng.integers(-reach, reach + 1, 2), axis=(0, 1)))
    rows = np.ascontiguousarray(np.stack(moved), dtype=bool)  # as a model's masks lie in memory
    return detections, torch.from_numpy(rows)


def encoded_detections(detections: list[dict[str, Any]], codes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Detections with their masks, as COCO has them."""
    return [detection | {"segmentation": code} for detection, code in zip(detections, codes, strict=True)]


def encode_by_pycocotools(masks: torch.Tensor) -> list[dict[str, Any]]:
    """Run-length encode bool masks ``[n, H, W]`` as one does without m2f."""
    return pycocotools.mask.encode(np.asfortranarray(masks.numpy().transpose(1, 2, 0).view(np.uint8)))


def percent(statistics: dict[str, float]) -> Numbers:
    """The values alone, in percent."""
    return 100 * np.array(list(statistics.values()))

"""How fast Cityscapes' metrics are computed beside cityscapesScripts and panopticapi, and whether they are equal.

Scenes of 1024 x 2048 pixels with generated predictions. Ours takes predictions from memory, where a model leaves them;
the peers read PNG files, as they must, a file a mask, which are there before the time begins. Both read the ground
truth. Each is timed once: as many images as the validation set has take the peers long enough to tell. Time is the
processor's, of all threads together.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from m2f.data.category_lists import category_list
from m2f.data.cityscapes_labels import INSTANCES, LABEL_IDS, VOID_IDS
from m2f.data.images import VOID_LABEL, encode_png, read_instance_ids, segment_colours
from m2f.data.scene_classes import STUFF, THINGS
from m2f.data.scene_painting import paint
from m2f.files import write_json
from m2f.metrics.cityscapes_ap import CityscapesAP
from m2f.metrics.mean_iou import MapMeanIoU
from m2f.metrics.panoptic_quality import PanopticQuality, quality_by_class
from m2f.peers.cityscapes_scripts import instance_evaluation, instance_precisions, semantic_ious
from m2f.peers.evaluation_programs import panopticapi_counts
from m2f.timing.evaluation import NEAR, RENAMED, EvaluationSpeed, Sample, predict_segments

SIDE, LARGER = 256, 4  # two scenes of so many pixels side by side, so many times as large: 1024 x 2048
CITY = "generated"
COMPRESSION = 1
Tell = Callable[[int, int], object]
Result = TypeVar("Result")


@dataclass
class Clock:
    """Adds up processor time."""

    seconds: float = 0.0

    def time(self, work: Callable[[], Result]) -> Result:
        """Do a work, whose time counts."""
        start = time.process_time()
        result = work()
        self.seconds += time.process_time() - start
        return result


@dataclass
class Truth:
    """The ground truth of generated frames, below a directory.

    Attributes:
        annotations: an entry for each frame in COCO's panoptic layout.
    """

    root: Path
    annotations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def panoptic_json(self) -> Path:
        """As `m2f data prepare cityscapes` calls it."""
        return self.root / "gtFine" / "cityscapes_panoptic_val.json"

    @property
    def directory(self) -> Path:
        """Where a directory for each city has the maps."""
        return self.root / "gtFine" / "val"

    def maps(self, kind: str) -> list[Path]:
        """The maps of a kind, frame by frame."""
        return [self.directory / CITY / f"{own['image_id']}_gtFine_{kind}.png" for own in self.annotations]


def compare_cityscapes(images: int, detections: int, seed: int = 0, tell: Tell | None = None) -> list[EvaluationSpeed]:
    """Time AP, mIoU and PQ.

    Args:
        images: how many frames.
        detections: masks a frame.
        seed: of frames and predictions.
        tell: is told the frames done and in all.

    Raises:
        InputError: cityscapesScripts is not installed.
    """
    instance_evaluation()  # before what takes long
    with tempfile.TemporaryDirectory() as directory:
        truth = write_truth(Path(directory), images, seed)
        found = Predictions(truth, detections, np.random.default_rng(seed))
        clocks = {name: Clock() for name in found.metrics}
        found.warm_up()
        for number, sample in enumerate(found.samples(), start=1):
            for name, metric in found.metrics.items():
                clocks[name].time(partial(metric.process, None, [sample]))
            if tell:
                tell(number, images)
        return [result for name in found.metrics for result in [found.race(name, clocks[name])]]


class Predictions:
    """Predictions of frames: in memory one after the other, and written for the peers as they come.

    Args:
        truth: of the frames.
        detections: masks a frame.
        rng: what is drawn.
    """

    def __init__(self, truth: Truth, detections: int, rng: np.random.Generator) -> None:
        self.truth, self.detections, self.rng = truth, detections, rng
        self.root = truth.root / "predicted"
        for kind in ("panoptic", "semantic", "masks"):
            (self.root / kind).mkdir(parents=True)
        self.annotations: list[dict[str, Any]] = []
        self.metrics: dict[str, Any] = {
            "AP": CityscapesAP(str(truth.directory)),
            "mIoU": MapMeanIoU(str(truth.directory), "_gtFine_labelTrainIds.png", name="mIoU"),
            "PQ": PanopticQuality(str(truth.panoptic_json), str(truth.panoptic_json.with_suffix(""))),
        }
        categories = category_list("cityscapes")
        names = [category["name"] for category in categories]
        things = [category["name"] for category in categories if category["isthing"]]
        for metric in self.metrics.values():
            metric.dataset_meta = {"classes": names, "thing_classes": things}

    def warm_up(self) -> None:
        """Let all loops be compiled, by a frame that does not count."""
        sample = self.sample(self.truth.annotations[0])
        for metric in self.metrics.values():
            metric.process(None, [sample])
            metric.results.clear()

    def samples(self) -> Iterator[Sample]:
        """Each frame's predictions, when they are also written."""
        for annotation in self.truth.annotations:
            sample = self.sample(annotation)
            self.write(sample)
            yield sample

    def sample(self, annotation: dict[str, Any]) -> Sample:
        """What a model of each task would leave of a frame: its segments and things, moved, a few of another class."""
        path = self.truth.directory / CITY / f"{annotation['image_id']}_gtFine_instanceIds.png"
        ids = read_instance_ids(path, (SIDE * LARGER, 2 * SIDE * LARGER)).astype(np.int32)
        sample = predict_segments(ids, annotation, self.rng)
        labels = np.zeros(1 + len(sample["segments_info"]), np.int64)
        for segment in sample["segments_info"]:
            segment["label"] = labels[segment["id"]] = LABEL_IDS.index(segment["category_id"])
        semantic = torch.from_numpy(labels[sample["pred_panoptic_seg"]["data"].numpy()])
        return {**sample, "pred_sem_seg": {"data": semantic}, "pred_instances": self.instances(ids, annotation)}

    def instances(self, ids: NDArray[np.int32], annotation: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Each thing once near its place, and then anywhere."""
        things = [part for part in annotation["segments_info"] if part["id"] >= INSTANCES]
        categories = [part["category_id"] for part in things]
        masks, labels = [], []
        for number in range(self.detections if things else 0):
            thing = things[number % len(things)]
            reach = NEAR if number < len(things) else ids.shape[0]
            masks.append(np.roll(ids == thing["id"], self.rng.integers(-reach, reach + 1, 2), axis=(0, 1)))
            renamed = self.rng.random() < RENAMED
            labels.append(LABEL_IDS.index(int(self.rng.choice(categories)) if renamed else thing["category_id"]))
        return {
            "masks": torch.from_numpy(np.stack(masks)) if masks else torch.zeros(0, *ids.shape, dtype=torch.bool),
            "labels": torch.tensor(labels, dtype=torch.int64),
            "scores": torch.from_numpy(self.rng.random(len(masks))),
        }

    def write(self, sample: Sample) -> None:
        """Write a frame's predictions as the peers read them."""
        name = sample["img_id"]
        colours = segment_colours(sample["pred_panoptic_seg"]["data"][0].numpy())
        (self.root / "panoptic" / f"{name}.png").write_bytes(encode_png(colours, COMPRESSION))
        infos = [{key: segment[key] for key in ("id", "category_id")} for segment in sample["segments_info"]]
        self.annotations.append({"image_id": name, "file_name": f"{name}.png", "segments_info": infos})
        semantic = np.array(LABEL_IDS, np.uint8)[sample["pred_sem_seg"]["data"][0].numpy()]
        (self.root / "semantic" / f"{name}.png").write_bytes(encode_png(semantic, COMPRESSION))
        own, lines = sample["pred_instances"], []
        for number, (mask, label, score) in enumerate(
            zip(own["masks"].numpy(), own["labels"].tolist(), own["scores"].tolist(), strict=True)
        ):
            path = self.root / "masks" / f"{name}_{number}.png"
            Image.fromarray(mask).save(path, compress_level=COMPRESSION)  # one bit a pixel, soonest read
            lines.append(f"masks/{path.name} {LABEL_IDS[label]} {score!r}\n")
        (self.root / f"{name}.txt").write_text("".join(lines))

    def race(self, name: str, clock: Clock) -> EvaluationSpeed:
        """What is left of a metric's time, the peer's, and how far their numbers are apart."""
        metric, theirs = self.metrics[name], Clock()
        results = metric.results
        clock.time(lambda: metric.compute_metrics(results))
        peer, evaluate = {
            "AP": ("cityscapesScripts", self.their_precisions),
            "mIoU": ("cityscapesScripts", self.their_ious),
            "PQ": ("panopticapi", self.their_qualities),
        }[name]
        found = theirs.time(evaluate)
        ours = {
            "AP": lambda: 100 * self.metrics["AP"].matrix,
            "mIoU": lambda: self.metrics["mIoU"].by_class["IoU"],
            "PQ": lambda: 100 * quality_by_class(np.sum(results, axis=0))[0],
        }[name]()
        assert (np.isnan(ours) == np.isnan(found)).all()
        difference = float(np.nanmax(np.abs(ours - found)))
        seconds, images = theirs.seconds, len(self.annotations)
        return EvaluationSpeed(name, peer, images, clock.seconds, seconds, seconds / clock.seconds, difference)

    def their_precisions(self) -> NDArray[np.float64]:
        """cityscapesScripts' AP by class and threshold in percent."""
        predicted = [self.root / f"{own['image_id']}.txt" for own in self.annotations]
        return 100 * instance_precisions(
            predicted, self.truth.maps("instanceIds"), self.root, self.root / "gtInstances.json"
        )

    def their_ious(self) -> NDArray[np.float64]:
        """cityscapesScripts' IoU by class in percent."""
        predicted = [self.root / "semantic" / own["file_name"] for own in self.annotations]
        return 100 * semantic_ious(predicted, self.truth.maps("labelIds"))

    def their_qualities(self) -> NDArray[np.float64]:
        """panopticapi's PQ, SQ and RQ by class in percent."""
        counts = panopticapi_counts(
            self.truth.annotations,
            self.truth.panoptic_json.with_suffix(""),
            self.annotations,
            self.root / "panoptic",
            category_list("cityscapes"),
        )
        return 100 * quality_by_class(counts)[0]


def write_truth(root: Path, images: int, seed: int) -> Truth:
    """Write maps of objects, labels and segments of generated frames, as `m2f data prepare` leaves Cityscapes."""
    truth = Truth(root)
    (truth.directory / CITY).mkdir(parents=True)
    segments = truth.panoptic_json.with_suffix("")
    segments.mkdir()
    train_ids = np.full(256, VOID_LABEL, np.uint8)
    train_ids[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
    for index in range(images):
        name = f"{CITY}_{index:06d}_000019"
        ids = frame(seed, index)
        labels = np.where(ids < INSTANCES, ids, ids // INSTANCES).astype(np.uint8)
        stem = truth.directory / CITY / f"{name}_gtFine_"
        Image.fromarray(ids).save(f"{stem}instanceIds.png", compress_level=COMPRESSION)
        Path(f"{stem}labelIds.png").write_bytes(encode_png(labels, COMPRESSION))
        Path(f"{stem}labelTrainIds.png").write_bytes(encode_png(train_ids[labels], COMPRESSION))
        infos = [
            {
                "id": int(number),
                "category_id": int(number if number < INSTANCES else number // INSTANCES),
                "area": int(area),
                "iscrowd": 0,
            }
            for number, area in zip(*np.unique(ids, return_counts=True), strict=True)
            if number not in VOID_IDS
        ]
        known = {info["id"] for info in infos}
        evaluated = np.where(np.isin(ids, list(known)), ids, 0).astype(np.int32)
        (segments / f"{name}.png").write_bytes(encode_png(segment_colours(evaluated), COMPRESSION))
        truth.annotations.append({"image_id": name, "file_name": f"{name}.png", "segments_info": infos})
    content = {
        "images": [
            {"id": own["image_id"], "file_name": own["file_name"], "height": SIDE * LARGER, "width": 2 * SIDE * LARGER}
            for own in truth.annotations
        ],
        "annotations": truth.annotations,
        "categories": category_list("cityscapes"),
    }
    write_json(truth.panoptic_json, content)
    return truth


def frame(seed: int, index: int) -> NDArray[np.uint16]:
    """``instanceIds`` of a frame, ``[1024, 2048]``: two scenes side by side, crowds as objects."""
    categories = category_list("cityscapes")
    things, stuff = ([own["id"] for own in categories if own["isthing"] == kind] for kind in (1, 0))
    numbers = {scene.category_id: number for scene, number in zip(THINGS, things, strict=False)}
    numbers |= {scene.category_id: number for scene, number in zip(STUFF, stuff, strict=False)}
    halves = []
    for side in range(2):
        scene = paint(seed, "val", 2 * index + side, SIDE)
        half = np.zeros((SIDE, SIDE), np.uint16)
        for number, part in enumerate(scene.segments):
            own = numbers[part["category_id"]]
            is_thing = own in things
            half[scene.segment_map == part["id"]] = INSTANCES * own + 500 * side + number if is_thing else own
        halves.append(half)
    return np.hstack(halves).repeat(LARGER, axis=0).repeat(LARGER, axis=1)

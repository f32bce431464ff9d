"""Cityscapes' own average precision of instances, which is not COCO's.

The rules are those of cityscapesScripts (cityscapesscripts/evaluation/evalInstanceLevelSemanticLabeling.py of version
2.3.0): an object counts from 100 pixels on; a detection finds it if their IoU is above the threshold, which at most one
object's is; of several detections the best finds it and the others are wrong; one that finds nothing at all is wrong
unless more of it than the threshold lies in void, in crowds of its class and in its small objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from m2f.data.cityscapes_labels import INSTANCES, THINGS, VOID_IDS
from m2f.data.images import read_instance_ids
from m2f.errors import InputError
from m2f.kernels import compiled
from m2f.metrics.annotations import check_class_names
from m2f.registry import METRICS

THRESHOLDS = np.arange(0.5, 1.0, 0.05)
SMALLEST = 100  # pixels
IDS = 2**16
NAMES = ("AP", "AP50")


@dataclass(frozen=True)
class Overlaps:
    """What of an image's detections and objects of one class counts.

    Attributes:
        scores: of the n detections that have pixels.
        ious: of each with each of the t objects and crowds, ``[n, t]``.
        ignored: share of each detection that lies in void, crowds and small objects.
        counts: whether each of the t is an object that is to be found.
    """

    scores: NDArray[np.float64]
    ious: NDArray[np.float64]
    ignored: NDArray[np.float64]
    counts: NDArray[np.bool_]


@METRICS.register_module()
class CityscapesAP(BaseMetric):
    """AP and AP50 in percent, as Cityscapes' server computes them, over 8 classes and 10 thresholds of the IoU.

    A class without objects counts nothing; without any object there is no value and no key. Once computed, ``matrix``
    holds AP by class and threshold in [0, 1], ``[8, 10]``, NaN without objects, and ``by_class`` the objects and AP of
    each of the eight, ``[8]`` each, in the order of ``class_labels``; see also :meth:`by_image`.

    Args:
        instance_directory: where a directory for each city holds ``<image id>_gtFine_instanceIds.png``.
        names: the name of each value to report, of AP and AP50; if not given, all under their own names.

    Raises:
        InputError: the ground truth of an image is missing or of another size, a score is no number, the data set's
            things are not Cityscapes' eight, or ``names`` asks for a value that is not computed.
    """

    default_prefix = ""

    def __init__(self, instance_directory: str, names: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.directory = Path(instance_directory)
        self.names = dict(names or zip(NAMES, NAMES, strict=True))
        unknown = set(self.names) - set(NAMES)
        if unknown:
            raise InputError(
                f"CityscapesAP has no value '{min(unknown)}' to report; names may hold {', '.join(NAMES)}."
            )
        self.label_ids = dict(enumerate(THINGS.values()))
        self.matrix: NDArray[np.float64] = np.full((len(THINGS), len(THRESHOLDS)), np.nan)
        self.by_class: dict[str, NDArray[Any]] = {}
        self.images: list[list[Overlaps]] = []

    @property
    def class_labels(self) -> list[int]:
        """The label of each of the eight in the data set, in which they need not come first."""
        return list(self.label_ids)

    @BaseMetric.dataset_meta.setter  # type: ignore[attr-defined]
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Classes of the data set, whose things are checked to be Cityscapes'."""
        things = dataset_meta.get("thing_classes", dataset_meta["classes"])
        check_class_names(Path("Cityscapes' evaluation"), [{"name": name} for name in THINGS], things)
        classes = list(dataset_meta["classes"])
        self.label_ids = {classes.index(name): number for name, number in THINGS.items()}
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's overlaps, a :class:`Overlaps` of each class."""
        for sample in data_samples:
            instances = sample["pred_instances"]
            if instances["scores"].isnan().any():
                raise InputError(
                    f"The prediction for image {sample['img_id']} has scores that are no numbers (NaN); take weights "
                    "that are whole, of a training that did not diverge."
                )
            masks = instances["masks"].cpu().numpy()
            truth = read_instance_ids(self.path_of(sample["img_id"]), masks.shape[1:])
            labels = np.array([self.label_ids[label] for label in instances["labels"].tolist()], np.int64)
            self.results.append(overlaps(truth, masks, labels, instances["scores"].double().cpu().numpy()))

    def path_of(self, image_id: Any) -> Path:
        """The ground truth of an image, ``<city>_<sequence>_<frame>``.

        Raises:
            InputError: it is missing.
        """
        path = self.directory / str(image_id).rsplit("_", maxsplit=2)[0] / f"{image_id}_gtFine_instanceIds.png"
        if not path.is_file():
            raise InputError(f"{path} does not exist; evaluate on the split that the image belongs to.")
        return path

    def compute_metrics(self, results: list[list[Overlaps]]) -> dict[str, float]:
        """AP of all images together."""
        self.images = results
        self.matrix = average_precisions(results)
        values = {"AP": self.matrix, "AP50": self.matrix[:, :1]}
        objects = [sum(image[place].counts.sum() for image in results) for place in range(len(THINGS))]
        self.by_class = {"objects": np.array(objects, np.int64)}
        if "AP" in self.names:
            self.by_class[self.names["AP"]] = 100 * self.matrix.mean(axis=1)
        if np.isnan(self.matrix).all():
            return {}
        return {name: 100 * float(np.nanmean(values[value])) for value, name in self.names.items()}

    def by_image(self) -> dict[str, NDArray[np.float64]]:
        """Once computed, AP of each image alone in percent ``[I]``, NaN without objects, in the order of evaluation."""
        if "AP" not in self.names:
            return {}
        matrices = np.stack([average_precisions([image]) for image in self.images])  # [I, 8, 10]
        known = ~np.isnan(matrices)
        number = known.sum(axis=(1, 2))
        total = np.where(known, matrices, 0).sum(axis=(1, 2))
        return {self.names["AP"]: 100 * np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)}


def overlaps(
    truth: NDArray[np.uint16], masks: NDArray[np.bool_], label_ids: NDArray[np.int64], scores: NDArray[np.float64]
) -> list[Overlaps]:
    """What an image's detections share with its objects, by class.

    Args:
        truth: ``instanceIds`` ``[H, W]``.
        masks: ``[n, H, W]``.
        label_ids: of the detections.
        scores: of the detections.
    """
    counted = np.bincount(truth.ravel(), minlength=IDS)
    found = np.flatnonzero(counted)
    places = np.zeros(IDS, np.int64)
    places[found] = np.arange(len(found))
    shared = np.zeros((len(masks), len(found)), np.int64)
    count_inside(whole_words(masks), truth.ravel(), places, shared)
    areas, void = shared.sum(axis=1), shared[:, np.isin(found, VOID_IDS)].sum(axis=1)

    label_of = np.where(found < INSTANCES, found, found // INSTANCES)
    classes = []
    for label_id in THINGS.values():
        rows = np.flatnonzero((label_ids == label_id) & (areas > 0))
        columns = np.flatnonzero(label_of == label_id)
        pixels, area, truth_area = shared[np.ix_(rows, columns)], areas[rows, None], counted[found[columns]]
        crowd, small = found[columns] < INSTANCES, truth_area < SMALLEST
        ignored = void[rows] + pixels @ (crowd.astype(np.int64) + small)  # a small crowd counts twice
        ious = pixels / (area + truth_area - pixels)
        classes.append(Overlaps(scores[rows], ious, ignored / area[:, 0], ~(crowd | small)))
    return classes


def whole_words(masks: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Masks ``[n, H, W]`` as words of 8 pixels ``[n, words]``, the last filled up with background."""
    pixels = masks.reshape(len(masks), masks.shape[1] * masks.shape[2]).view(np.uint8)
    missing = -pixels.shape[1] % 8
    if missing:
        pixels = np.pad(pixels, ((0, 0), (0, missing)))
    return np.ascontiguousarray(pixels).view(np.uint64)


@compiled()
def count_inside(words: np.ndarray, truth: np.ndarray, places: np.ndarray, shared: np.ndarray) -> None:
    """Count each mask's pixels by the place of their id; where eight pixels are background, none is looked at."""
    for mask in range(len(words)):
        for index in range(words.shape[1]):
            word = words[mask, index]
            pixel = 8 * index
            while word:
                if word & np.uint64(255):
                    shared[mask, places[truth[pixel]]] += 1
                word >>= np.uint64(8)
                pixel += 1


def average_precisions(images: Sequence[Sequence[Overlaps]]) -> NDArray[np.float64]:
    """AP of images together by class and threshold ``[8, 10]`` in [0, 1], NaN for a class without objects."""
    return np.array([class_precisions([image[place] for image in images]) for place in range(len(THINGS))])


def class_precisions(images: Sequence[Overlaps]) -> list[float]:
    """AP of a class at each threshold."""
    objects = sum(int(image.counts.sum()) for image in images)
    scores = np.concatenate([image.scores for image in images])
    if objects == 0 or len(scores) == 0:
        return [0.0 if objects else np.nan] * len(THRESHOLDS)
    best = np.concatenate([image.ious.max(axis=1, initial=0) for image in images])
    ignored = np.concatenate([image.ignored for image in images])
    # Pairs that any threshold matches; a detection is in one of them at most.
    pairs = [np.nonzero((image.ious > THRESHOLDS[0]) & image.counts) for image in images]
    first_detection = np.cumsum([0] + [len(image.scores) for image in images])
    first_object = np.cumsum([0] + [len(image.counts) for image in images])
    finder = np.concatenate([row + first for (row, _), first in zip(pairs, first_detection, strict=False)])
    found = np.concatenate([column + first for (_, column), first in zip(pairs, first_object, strict=False)])
    order = np.lexsort((-scores[finder], found))  # an object's best detection first
    finder, found = finder[order], found[order]

    precisions = []
    for threshold in THRESHOLDS:
        matched = best[finder] > threshold
        detections, owners = finder[matched], found[matched]
        right = np.diff(owners, prepend=-1) != 0
        wrong = (best <= threshold) & (ignored <= threshold)
        values = np.concatenate([scores[detections], scores[wrong]])
        truth = np.concatenate([right, np.zeros(int(wrong.sum()), bool)])
        precisions.append(area_under(values, truth, objects))
    return precisions


def area_under(scores: NDArray[np.float64], right: NDArray[np.bool_], objects: int) -> float:
    """The area under precision by recall, each precision being taken half a step to both sides of its recall.

    Detections of one score are one point of the curve, which ends at recall 0 with the precision of the best score.

    Args:
        scores: of the n detections that count, right or wrong.
        right: which of them find an object.
        objects: that are to be found.
    """
    if len(scores) == 0:
        return 0.0
    order = np.argsort(scores)
    first = np.unique(scores[order], return_index=True)[1]  # where each score begins, the lowest first
    remaining = np.cumsum(right[order][::-1])[::-1][first]  # right ones of this score and above
    precision = remaining / (len(scores) - first)
    recall = remaining / objects
    precision = np.append(precision, precision[-1])
    edges = np.concatenate([recall[:1], recall, [0, 0]])
    return float(precision @ (edges[:-2] - edges[2:])) / 2

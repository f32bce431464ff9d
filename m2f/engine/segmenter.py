"""Segmenting pictures with a trained model: ``m2f.load(checkpoint).predict(image)``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmdet.structures import DetDataSample
from mmengine.registry import DefaultScope
from numpy.typing import NDArray

import m2f.data.registered
import m2f.engine.weights  # by which mmengine reads weights as data alone
import m2f.models  # noqa: F401
from m2f.checkpoints import load_into, read_checkpoint
from m2f.checkpoints.trained_as import TrainedAs, without_initial_weights
from m2f.data.colours import Colour, class_colour
from m2f.data.images import read_image
from m2f.data.unannotated import TRUTH_STEPS
from m2f.engine.kept.overlays import overlay
from m2f.engine.known_model import known_model
from m2f.errors import InputError
from m2f.registry import MODELS, TRANSFORMS
from m2f.thing_labels import flags_of

READERS = ("LoadImage", "LoadImageFromFile")
Picture = str | Path | NDArray[np.uint8]
"""A file, or RGB ``[H, W, 3]``."""


@dataclass(frozen=True)
class Segmentation:
    """What a model sees in a picture of ``H`` times ``W`` pixels; a task's parts, all others being None.

    A panoptic model gives all three parts.

    Attributes:
        segments: panoptic: ``[H, W]`` int32, the id of the segment that a pixel belongs to, 0 for none.
        segments_info: panoptic: of each segment its ``id``, ``label``, ``isthing`` and ``score`` from 0 to 1.
        masks: instance: ``[n, H, W]`` bool; masks may overlap, and most score low: keep those that score enough.
        boxes: instance: ``[n, 4]`` float, left, top, right and bottom edge of each mask in pixels.
        labels: instance: ``[n]`` int64.
        scores: instance: ``[n]`` float32, from 0 to 1.
        semantic: semantic: ``[H, W]`` int64, the label of each pixel.
        classes: the name of each label.
        picture: RGB ``[H, W, 3]`` uint8: the image with its segments painted over it.
    """

    segments: NDArray[np.int32] | None
    segments_info: list[dict[str, Any]] | None
    masks: NDArray[np.bool_] | None
    boxes: NDArray[np.float32] | None
    labels: NDArray[np.int64] | None
    scores: NDArray[np.float32] | None
    semantic: NDArray[np.int64] | None
    classes: tuple[str, ...]
    picture: NDArray[np.uint8]


class Segmenter:
    """A trained model that segments pictures.

    Args:
        known: what its model is.
        model: it, in evaluation, on its device.

    Attributes:
        task: what is predicted.
        classes: the name of each label.
        is_thing: whether each label is a thing.
        category_ids: the data set's own id of each label.
        palette: red, green and blue of each label.
    """

    def __init__(self, known: TrainedAs, model: Any) -> None:
        self.model = model
        self.task: str = model.task
        self.classes = tuple(known["classes"])
        self.is_thing = flags_of(known["model"])
        self.category_ids = known["category_ids"]
        self.palette: list[Colour] = list(known.get("palette") or map(class_colour, range(len(self.classes))))
        steps = [step for step in known["pipeline"] if kind(step) not in (*TRUTH_STEPS, *READERS)]
        self.pipeline = Compose([TRANSFORMS.build(step) for step in steps])

    def predict(self, image: Picture) -> Segmentation:
        """Segment a picture.

        Args:
            image: a file, read as it is stored, whatever EXIF says of turning it; or RGB ``[H, W, 3]`` uint8.

        Raises:
            InputError: the file cannot be read, or the array is no such picture.
        """
        return self.predict_all([image])[0]

    def predict_all(self, images: Sequence[Picture]) -> list[Segmentation]:
        """Segment pictures of any sizes in one batch, padded to the largest; see :meth:`predict`."""
        pixels = [as_bgr(image) for image in images]
        return [self.described(sample, own) for sample, own in zip(self.samples(pixels), pixels, strict=True)]

    @torch.no_grad()
    def samples(self, images: Sequence[NDArray[np.uint8]]) -> list[DetDataSample]:
        """The predictions for a batch of BGR images ``[H, W, 3]`` as the model gives them."""
        inputs = []
        for image in images:
            shape = image.shape[:2]
            inputs.append(self.pipeline({"img": image, "img_shape": shape, "ori_shape": shape, "img_id": 0}))
        batch = {key: [each[key] for each in inputs] for key in ("inputs", "data_samples")}
        return self.model.test_step(batch)

    def described(self, sample: DetDataSample, image: NDArray[np.uint8]) -> Segmentation:
        """A sample's predictions as arrays, with the picture of them over its BGR image ``[H, W, 3]``."""
        panoptic = "pred_panoptic_seg" in sample
        found = sample.pred_instances.cpu().numpy() if "pred_instances" in sample else None
        masks = None if found is None else found.masks
        return Segmentation(
            segments=sample.pred_panoptic_seg.data[0].cpu().numpy() if panoptic else None,
            segments_info=sample.segments_info if panoptic else None,
            masks=masks,
            boxes=None if found is None else found.bboxes,
            labels=None if found is None else found.labels,
            scores=None if found is None else found.scores,
            semantic=sample.pred_sem_seg.data[0].cpu().numpy() if "pred_sem_seg" in sample else None,
            classes=self.classes,
            picture=overlay(sample, image, self.classes, self.palette),
        )


def load(
    checkpoint: str | Path, task: str | None = None, device: str | None = None, config: str | Path | None = None
) -> Segmenter:
    """A trained model, ready to segment pictures. Nothing that its file brings is run.

    Args:
        checkpoint: whatever ``m2f convert`` reads: ours, the official code's, mmdet's, a directory of transformers'.
        task: ``panoptic``, ``instance`` or ``semantic``; None for the model's own. A panoptic model answers all three.
        device: such as ``cpu`` or ``cuda:1``; None for the first GPU, or the CPU where there is none.
        config: of a checkpoint that does not say how its model is built, as all of ours do.

    Raises:
        InputError: the checkpoint cannot be read or is not of its config's model, the model has not the task, or there
            is no such device.
    """
    checkpoint = Path(checkpoint)
    state, _ = read_checkpoint(checkpoint)
    known = known_model(checkpoint, state, Path(config) if config is not None else None)
    chosen = task or known["task"]
    if chosen != known["task"] and known["task"] != "panoptic":
        raise InputError(f"{checkpoint} is a model of {known['task']} segmentation; leave out the task '{chosen}'.")
    segmenter = built(known, chosen, checkpoint)
    try:
        load_into(segmenter.model, state)
    except InputError as error:
        raise InputError(f"{checkpoint} cannot be loaded: {error}") from error
    return on_device(segmenter, device)


def built(known: TrainedAs, task: str, checkpoint: Path) -> Segmenter:
    """A segmenter whose weights are random.

    Raises:
        InputError: what is known of the model is not what builds one.
    """
    try:
        with DefaultScope.overwrite_default_scope("m2f"):
            model = MODELS.build({**without_initial_weights(known["model"]), "task": task})
            return Segmenter(known, model)
    except Exception as error:  # a component may raise any at arguments that are not its own
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0].rstrip('.')}"
        raise InputError(
            f"The model of {checkpoint} cannot be built ({reason}); name its config with --config."
        ) from error


def on_device(segmenter: Segmenter, device: str | None) -> Segmenter:
    """A segmenter whose model is on a device.

    Raises:
        InputError: there is no such device.
    """
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        segmenter.model.to(torch.device(place)).eval()
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        reason = str(error).partition("\n")[0].rstrip(".")
        raise InputError(f"There is no device '{place}' here ({reason}); name one that is, such as cpu.") from error
    return segmenter


def as_bgr(image: Picture) -> NDArray[np.uint8]:
    """A picture as BGR ``[H, W, 3]``.

    Raises:
        InputError: it cannot be read, or is no RGB ``[H, W, 3]`` uint8.
    """
    if isinstance(image, str | Path):
        return read_image(image)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        told = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"A picture must be a file or an array of uint8 [H, W, 3] in RGB, not {told}; convert it.")
    return np.ascontiguousarray(image[:, :, ::-1])


def kind(step: dict[str, Any]) -> str:
    """The name of a step's class, without its scope."""
    return str(step.get("type")).rpartition(".")[2]

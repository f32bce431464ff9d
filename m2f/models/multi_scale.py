"""Multi-scale testing: semantic segmentation from an image at several sizes, each also flipped.

As the reference does it (test_time_augmentation.py): the image, at the size at which it is tested, is resized once more
to each size; the scores of each pass are resized to the image's original size, flipped back, and averaged.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData
from PIL import Image
from torch import Tensor

from m2f.errors import InputError
from m2f.models.inference import semantic_scores, strongest
from m2f.models.mask_prediction import resize
from m2f.models.segmentor import Mask2Former
from m2f.registry import MODELS

FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Of the test size (TEST.AUG of the reference's configs)."""

CLASSES_AT_ONCE = 8

Size = tuple[int, int]


@MODELS.register_module()
class MultiScale(Mask2Former):
    """Segments an image from passes at six sizes, each plain and flipped (Tables 3, 6, V to VII and IX, m.s.).

    Arguments as :class:`~m2f.models.Mask2Former`, whose parameters it has; the task is semantic, as in the reference.
    For evaluation alone. It takes the images of a batch one by one, and adds each pass to the sum as it comes: beside
    that, ``[K, H, W]``, no scores are held at the original size but those of a few classes.

    Raises:
        InputError: the task is another.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.task != "semantic":
            raise InputError(f"Multi-scale testing is of semantic models alone, not of task = '{self.task}'.")

    def val_step(self, data: Mapping[str, Any]) -> list[DetDataSample]:
        """Set ``pred_sem_seg`` of each image.

        Args:
            data: ``inputs``, uint8 BGR ``[3, h, w]`` at the test size, and ``data_samples``.
        """
        for image, sample in zip(data["inputs"], data["data_samples"], strict=True):
            scores = merged_scores(image, sample.get("resized_to"), sample.ori_shape[:2], self.class_scores)
            sample.pred_sem_seg = PixelData(data=strongest(scores)[None])
        return data["data_samples"]

    test_step = val_step

    def class_scores(self, image: Tensor) -> Tensor:
        """Score of every class at every pixel, ``[K, h, w]``, of an image uint8 BGR ``[3, h, w]``."""
        height, width = image.shape[1:]
        sample = DetDataSample(metainfo={"img_shape": (height, width)})
        inputs = self.data_preprocessor({"inputs": [image], "data_samples": [sample]}, False)["inputs"]
        output = self.decode(inputs, all_layers=False)
        class_logits = output.class_logits[-1, 0]
        everything = torch.arange(len(class_logits), device=class_logits.device)
        masks = resize(output.masks.answer(0, everything)[None], (inputs.shape[-2], inputs.shape[-1]))[0]
        return semantic_scores(class_logits, masks)[:, :height, :width]


def merged_scores(
    image: Tensor, resized_to: Size | None, original: Size, class_scores: Callable[[Tensor], Tensor]
) -> Tensor:
    """The mean over all passes of the class scores of an image, ``[K, *original]``.

    Args:
        image: uint8 ``[3, h, w]``, at the size at which a single pass would be.
        resized_to: the shorter side, and the most of the longer one, that it was resized to; None if it was not.
        original: the size of the scores.
        class_scores: gives the scores ``[K, h, w]`` of an image at any size.
    """
    pixels = image.cpu().numpy().transpose(1, 2, 0)
    total = None
    for size in pass_sizes((image.shape[1], image.shape[2]), resized_to):
        resized = as_reference(pixels, size)
        for flip in (False, True):
            given = resized[:, ::-1] if flip else resized
            scores = class_scores(torch.from_numpy(np.ascontiguousarray(given.transpose(2, 0, 1))))
            if total is None:
                total = torch.zeros(len(scores), *original, device=scores.device)
            for few, sums in zip(scores.split(CLASSES_AT_ONCE), total.split(CLASSES_AT_ONCE), strict=True):
                part = resize(few[None], original)[0]
                sums += part.flip(-1) if flip else part
    assert total is not None
    return total.div_(2 * len(FACTORS))


def pass_sizes(size: Size, resized_to: Size | None) -> Iterator[Size]:
    """Height and width of an image in each pass.

    The shorter side is a multiple of the one that it was resized to; the longer one may be 1.75 times as long as there.
    Where the two limits are one, the longer side is what is resized, and so it is here: inferred, since the reference
    has no multi-scale testing of Mapillary Vistas, the only data set of that kind.

    Args:
        size: of the image as it is.
        resized_to: see :func:`merged_scores`.
    """
    side, longest = resized_to or (min(size), None)
    for factor in FACTORS:
        limit = None if longest is None else (factor if longest == side else FACTORS[-1]) * longest
        yield shorter_side_at(size, factor * side, limit)


def shorter_side_at(size: Size, side: float, longest: float | None) -> Size:
    """Height and width with the shorter side as given, unless the longer would pass its limit (detectron2's rounding).

    Args:
        size: height and width before.
        side: of the shorter side.
        longest: of the longer side; None for no limit.
    """
    side = int(side)
    scale = side / min(size)
    height, width = (side, scale * size[1]) if size[0] < size[1] else (scale * size[0], side)
    if longest is not None and max(height, width) > longest:
        scale = int(longest) / max(height, width)
        height, width = height * scale, width * scale
    return int(height + 0.5), int(width + 0.5)


def as_reference(pixels: np.ndarray, size: Size) -> np.ndarray:
    """An image ``[h, w, 3]`` resized by PIL, as in the reference; OpenCV would not blur what it shrinks."""
    if pixels.shape[:2] == size:
        return pixels
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size[::-1], Image.Resampling.BILINEAR))

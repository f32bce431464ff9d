"""Predictions that meet every case of post-processing, and our segmentations of them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from torch import Tensor

from m2f.models import Mask2Former
from m2f.models.mask_prediction import DenseMasks
from m2f.models.transformer_decoder import DecoderOutput
from m2f.peers import Peer

CLASSES, QUERIES, STUFF = 7, 16, 5


@dataclass
class Predictions:
    """Predictions of two images, the second padded.

    Attributes:
        class_logits: ``[2, Q, K + 1]``.
        mask_logits: ``[2, Q, H / 4, W / 4]``.
        padded: ``(H, W)``.
        inside: the images' sizes without padding.
        original: the images' original sizes.
    """

    class_logits: Tensor
    mask_logits: Tensor
    padded: tuple[int, int] = (96, 160)
    inside: tuple[tuple[int, int], ...] = ((96, 160), (70, 110))
    original: tuple[tuple[int, int], ...] = ((131, 219), (57, 90))

    def samples(self) -> list[DetDataSample]:
        """The images' sizes."""
        padded = {"batch_input_shape": self.padded, "pad_shape": self.padded}
        return [
            DetDataSample(metainfo={"img_shape": inside, "ori_shape": original, **padded})
            for inside, original in zip(self.inside, self.original, strict=True)
        ]


@pytest.fixture(params=[0, 1, 2], scope="session")
def predictions(request: pytest.FixtureRequest) -> Predictions:
    """Smooth masks of all sizes that overlap, most of them sure of their class, in two images."""
    generator = torch.Generator().manual_seed(request.param)
    coarse = 8 * torch.randn(2, QUERIES, 4, 5, generator=generator) - 3
    masks = F.interpolate(coarse, size=(24, 40), mode="bicubic")
    classes = torch.randn(2, QUERIES, CLASSES + 1, generator=generator)
    labels = torch.randint(CLASSES + 1, (2, QUERIES), generator=generator)
    classes.scatter_add_(2, labels[..., None], 2 + 7 * torch.rand(2, QUERIES, 1, generator=generator))
    masks[:, 0] = -9  # empty
    masks[1] -= 9  # small, so that special ones are seen
    set_apart(classes[1], masks[1])
    return Predictions(classes, masks)


def set_apart(classes: Tensor, masks: Tensor) -> None:
    """Six queries that meet what random ones seldom meet.

    One kind of stuff in two places; a thing that is strongest only where it is background, behind one that is surer;
    two things that are a little less and a little more sure than 0.8.
    """
    queries = torch.arange(1, 7)
    classes[queries] *= 0.1
    classes[queries, torch.tensor([STUFF, STUFF, 0, 1, 2, 3])] = torch.tensor([9.0, 9.0, 9.0, 4.0, 3.2, 3.5])
    masks[:, :, 21:] = -9
    masks[1, :, :4] = masks[2, :, 21:23] = 20
    masks[3, :9, 6:20] = 9
    masks[4, :9, 6:20], masks[4, 9:, 6:20] = 1, -1
    masks[5, :8, 24:] = masks[6, 9:, 24:] = 9


@pytest.fixture
def ours(implementation: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[DetDataSample]]:
    """``ours(task, predictions)``: our samples, segmented from given predictions."""

    def segment(task: str, predictions: Predictions) -> list[DetDataSample]:
        model: Mask2Former = implementation("dense").model
        output = DecoderOutput(predictions.class_logits[None], DenseMasks(predictions.mask_logits[None]))
        monkeypatch.setattr(model, "task", task)
        monkeypatch.setattr(model, "decode", lambda *_, **__: output)
        images = torch.zeros(len(predictions.class_logits), 3, *predictions.padded)
        return model.predict(images, predictions.samples())

    return segment

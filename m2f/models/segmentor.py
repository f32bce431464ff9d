"""The meta-architecture: backbone, pixel decoder, transformer decoder, then a loss or a segmentation."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.structures import DetDataSample
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from m2f.models.frozen_norms import fold_frozen_norms
from m2f.models.inference import (
    MASKS_AT_ONCE,
    MaskLogits,
    PanopticThresholds,
    instance_segmentation,
    mask_boxes,
    panoptic_segmentation,
    semantic_scores,
    semantic_segmentation,
    strongest,
)
from m2f.models.layers import for_convolutions
from m2f.models.mask_prediction import resize
from m2f.models.targets import targets_of
from m2f.models.transformer_decoder import DecoderOutput
from m2f.models.transformer_decoder.decoder import Truth
from m2f.registry import MODELS
from m2f.thing_labels import thing_flags

TASKS = ("panoptic", "instance", "semantic")
INSTANCE_OFFSET = 1000  # mmdet's, whose evaluation would import all of its data sets


@MODELS.register_module()
class Mask2Former(BaseModel):
    """Mask classification for one task (paper section 3).

    A panoptic model also answers as an instance and a semantic model, for AP_pan and mIoU_pan (paper section 4).

    Args:
        backbone: config; gives features at 1/4, 1/8, 1/16, 1/32.
        pixel_decoder: config, see :mod:`m2f.models.pixel_decoders`.
        transformer_decoder: config, see :mod:`m2f.models.transformer_decoder`; gets ``num_classes``.
        criterion: config, see :mod:`m2f.models.criterion`; gets ``num_classes``.
        task: one of ``TASKS``.
        num_things: thing classes.
        num_stuff: stuff classes. In a semantic task all classes count as stuff.
        data_preprocessor: config of the normalisation and batching.
        panoptic: filters of panoptic post-processing.
        thing_labels: the labels of the thing classes, where they are not the first.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        pixel_decoder: dict[str, Any],
        transformer_decoder: dict[str, Any],
        criterion: dict[str, Any],
        task: str,
        num_things: int,
        num_stuff: int,
        data_preprocessor: dict[str, Any] | None = None,
        panoptic: dict[str, float] | None = None,
        thing_labels: Sequence[int] | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        if task not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}, not {task!r}")
        self.task = task
        self.is_thing = thing_flags(num_things, num_stuff, thing_labels)
        num_classes = len(self.is_thing)
        self.thresholds = PanopticThresholds(**(panoptic or {}))
        self.backbone = MODELS.build(backbone)
        fold_frozen_norms(self.backbone)
        self.pixel_decoder = MODELS.build(pixel_decoder)
        self.transformer_decoder = MODELS.build({**transformer_decoder, "num_classes": num_classes})
        self.criterion = MODELS.build({**criterion, "num_classes": num_classes})

    def init_weights(self) -> None:
        """Initialise or load the backbone as its config says; the other parts initialise themselves when built."""
        self.backbone.init_weights()

    def forward(
        self, inputs: Tensor, data_samples: list[DetDataSample] | None = None, mode: str = "tensor"
    ) -> DecoderOutput | dict[str, Tensor] | list[DetDataSample]:
        """mmengine's entry: ``loss`` gives the loss and its terms, ``predict`` samples with predictions set.

        Args:
            inputs: ``[B, 3, H, W]``, normalised and padded.
            data_samples: for ``loss`` with ground truth, see :func:`m2f.models.targets.targets_of`.
            mode: ``loss``, ``predict`` or ``tensor``, the last giving the decoder's output of the last layer.
        """
        if mode == "loss":
            assert data_samples is not None
            return self.loss(inputs, data_samples)
        if mode == "predict":
            assert data_samples is not None
            return self.predict(inputs, data_samples)
        return self.decode(inputs, all_layers=False)

    def decode(self, inputs: Tensor, all_layers: bool, truth: Truth | None = None) -> DecoderOutput:
        """The decoder's predictions for ``inputs [B, 3, H, W]``; with ``truth`` those of its companions too."""
        pyramid, mask_features = self.pixel_decoder(self.backbone(for_convolutions(inputs)))
        if truth and getattr(self.transformer_decoder, "companions", None):
            return self.transformer_decoder(pyramid, mask_features, all_layers, truth)
        return self.transformer_decoder(pyramid, mask_features, all_layers)

    def loss(self, inputs: Tensor, data_samples: Sequence[DetDataSample]) -> dict[str, Tensor]:
        """The loss and its terms, see :meth:`m2f.models.criterion.PointCriterion.forward`."""
        targets = [targets_of(sample, inputs.shape[-2:], self.is_thing) for sample in data_samples]
        labels, masks = map(list, zip(*targets, strict=True))
        output = self.decode(inputs, all_layers=True, truth=(labels, masks))
        return self.criterion(output.class_logits, output.masks, labels, masks, output.company)

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss that is trained on, and all for the log. It has the terms, which mmengine would add to it again."""
        return losses["loss"], dict(losses)

    def predict(self, inputs: Tensor, data_samples: list[DetDataSample]) -> list[DetDataSample]:
        """Segment every image of the batch at its original size."""
        output = self.decode(inputs, all_layers=False)
        for index, sample in enumerate(data_samples):
            self._segment(output, index, sample, inputs.shape[-2:])
        return data_samples

    def _segment(self, output: DecoderOutput, index: int, sample: DetDataSample, padded: torch.Size) -> None:
        """Set the task's predictions of image ``index`` on its sample."""
        class_logits = output.class_logits[-1, index]
        everything = torch.arange(len(class_logits), device=class_logits.device)

        def at_input(queries: Tensor) -> Tensor:
            """Mask logits ``[n, *padded]``."""
            return resize(output.masks.answer(index, queries)[None], (padded[0], padded[1]))[0]

        def at_original(queries: Tensor) -> Tensor:
            """Mask logits ``[n, *ori_shape]``."""
            logits = output.masks.answer(index, queries[:0]).new_empty(len(queries), *sample.ori_shape[:2])
            for part, few in zip(logits.split(MASKS_AT_ONCE), queries.split(MASKS_AT_ONCE), strict=True):
                part.copy_(restore(at_input(few), sample))
            return logits

        if self.task == "semantic":
            scores = restore(semantic_scores(class_logits, at_input(everything)), sample)
            sample.pred_sem_seg = semantic_map(strongest(scores))
        elif self.task == "instance":
            self._set_instances(sample, class_logits, at_original)
        else:
            logits = at_original(everything)
            segments, infos = panoptic_segmentation(
                class_logits, logits.__getitem__, self.is_thing, sample.ori_shape[:2], self.thresholds
            )
            codes = mmdet_codes(segments, infos, len(self.is_thing))
            sample.pred_panoptic_seg = PixelData(data=segments[None], sem_seg=codes[None])
            sample.set_metainfo({"segments_info": infos})
            sample.pred_sem_seg = semantic_map(semantic_segmentation(class_logits, logits))
            self._set_instances(sample, class_logits, logits.__getitem__)

    def _set_instances(self, sample: DetDataSample, class_logits: Tensor, mask_logits: MaskLogits) -> None:
        masks, scores, labels = instance_segmentation(class_logits, mask_logits, self.is_thing)
        sample.pred_instances = InstanceData(masks=masks, scores=scores, labels=labels, bboxes=mask_boxes(masks))


def semantic_map(labels: Tensor) -> PixelData:
    """Labels ``[H, W]`` under the names that mmseg, and m2f with it, and mmdet have for them."""
    return PixelData(data=labels[None], sem_seg=labels[None])


def mmdet_codes(segments: Tensor, infos: Sequence[dict[str, Any]], num_classes: int) -> Tensor:
    """A map of segments ``[H, W]`` as mmdet has it: label + ``INSTANCE_OFFSET`` x a thing's number, K for none."""
    codes = [num_classes] + [info["label"] + INSTANCE_OFFSET * info["id"] * info["isthing"] for info in infos]
    return torch.tensor(codes, device=segments.device)[segments.long()]


def restore(maps: Tensor, sample: DetDataSample) -> Tensor:
    """Cut the padding off ``[n, H, W]`` and resize to the image's original size, ``[n, *ori_shape]``."""
    height, width = sample.img_shape[:2]
    return resize(maps[None, :, :height, :width], sample.ori_shape[:2])[0]

"""Models that answer with more than a segmentation: what they attend to, and what each of their layers predicts.

They have Mask2Former's parameters, so that its checkpoints fit, and are for evaluation: ``m2f.AttentionMass``,
``m2f.LayerPanopticQuality`` and ``m2f.ProposalRecall`` read what they set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor, nn

from m2f.errors import InputError
from m2f.models.mask_prediction import resize
from m2f.models.segmentor import Mask2Former, restore
from m2f.models.targets import pad_masks
from m2f.models.transformer_decoder import DecoderOutput
from m2f.registry import MODELS

Reads = dict[tuple[int, ...], tuple[Any, tuple[Any, ...]]]
"""Strides that a layer read, to its cross-attention and the arguments of the call."""


@MODELS.register_module()
class AttentionInspector(Mask2Former):
    """Tells where the queries that match a ground-truth segment look (paper section C.2).

    Arguments as :class:`~m2f.models.Mask2Former`. The matching is that of the criterion, on the last prediction.
    """

    def predict(self, inputs: Tensor, data_samples: list[DetDataSample]) -> list[DetDataSample]:
        """Set the attention of the n matched queries of each image.

        Args:
            inputs: ``[B, 3, H, W]``, normalised and padded.
            data_samples: with ``gt_instances`` (``labels [N]``, ``masks [N, h, w]``).

        Returns:
            The samples with ``attended_masks``, each matched query's segment, boolean ``[n, H, W]``, and
            ``attention_maps``, by stride the weights of the last layer that reads it, mean over heads, ``[n, h, w]``.

        Raises:
            InputError: a sample has no ground truth, or a layer reads several resolutions at once.
        """
        if any("gt_instances" not in sample for sample in data_samples):
            raise InputError(
                "AttentionInspector needs ground-truth masks; let val_dataloader.dataset.pipeline load them."
            )
        with recorded_reads(self.transformer_decoder) as reads:
            output = self.decode(inputs, all_layers=False)
        maps = attention_maps(reads)
        labels = [sample.gt_instances.labels for sample in data_samples]
        masks = [pad_masks(sample.gt_instances.masks, inputs.shape[-2:]) for sample in data_samples]
        matches = self.criterion.match(output.class_logits, output.masks, labels, masks)
        for index, sample in enumerate(data_samples):
            own = matches.image == index
            sample.attended_masks = masks[index][matches.target[own]]
            sample.attention_maps = {stride: weights[index, matches.query[own]] for stride, weights in maps.items()}
        return data_samples


@contextmanager
def recorded_reads(decoder: Any) -> Iterator[Reads]:
    """Record the calls of a decoder's cross-attentions; of those with the same strides, the last."""
    reads: Reads = {}

    def record(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        level = arguments[2]
        reads[level.strides] = (module, arguments)

    hooks = [layer.cross_attention.register_forward_pre_hook(record) for layer in decoder.layers]
    try:
        yield reads
    finally:
        for hook in hooks:
            hook.remove()


def attention_maps(reads: Reads) -> dict[int, Tensor]:
    """Attention weights ``[B, Q, h, w]`` of recorded reads by stride.

    Raises:
        InputError: one of them is of several resolutions, whose weights sum to one only together.
    """
    maps = {}
    for strides, (module, arguments) in reads.items():
        if len(strides) > 1:
            raise InputError("AttentionInspector needs model.transformer_decoder.reads of one resolution a layer.")
        maps[strides[0]] = module.attention_map(*arguments).unflatten(2, arguments[2].sizes[0])
    return maps


@MODELS.register_module()
class LayerInspector(Mask2Former):
    """Segments the image from every prediction of the decoder, not the last alone (paper figures II and 3).

    Arguments as :class:`~m2f.models.Mask2Former`.
    """

    def predict(self, inputs: Tensor, data_samples: list[DetDataSample]) -> list[DetDataSample]:
        """Segment every image of the batch at its original size, layer by layer.

        Returns:
            The samples with ``layers``: by number of the layer, 0 being before the first, the fields of a sample that
            :meth:`Mask2Former.predict` would give, and its ``proposals``, see :meth:`proposals`.
        """
        output = self.decode(inputs, all_layers=True)
        first = self.transformer_decoder.first_prediction
        for index, sample in enumerate(data_samples):
            sample.layers = {
                layer: self._predict_layer(output.at_layer(layer - first), index, sample, inputs.shape[-2:])
                for layer in range(first, first + len(output.class_logits))
            }
        return data_samples

    def _predict_layer(
        self, output: DecoderOutput, index: int, sample: DetDataSample, padded: torch.Size
    ) -> dict[str, Any]:
        prediction = DetDataSample(metainfo=sample.metainfo)
        self._segment(output, index, prediction, padded)
        prediction.proposals = self.proposals(output, index, sample, padded)
        return prediction.to_dict()

    @staticmethod
    def proposals(output: DecoderOutput, index: int, sample: DetDataSample, padded: torch.Size) -> InstanceData:
        """Every query of the last prediction as one proposal of a region, whatever it shows.

        The paper takes "100 predictions" of a model with 100 queries for proposals. That it means each query once,
        where instance segmentation takes the 100 best pairs of query and class, is inferred: proposals have no class,
        and a query's second class would only repeat its mask. The score is the probability of any class.

        Returns:
            boolean ``masks [Q, *ori_shape]`` and ``scores [Q]``.
        """
        class_logits = output.class_logits[-1, index]
        every_query = torch.arange(len(class_logits), device=class_logits.device)
        logits = resize(output.masks.answer(index, every_query)[None], (padded[0], padded[1]))[0]
        return InstanceData(masks=restore(logits, sample) > 0, scores=1 - class_logits.softmax(dim=-1)[:, -1])

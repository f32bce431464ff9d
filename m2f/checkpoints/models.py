"""Which of the three models whose names are known a set of tensors is of."""

from collections.abc import Iterable
from enum import StrEnum


class Model(StrEnum):
    """A model whose tensors' names are known."""

    MASK2FORMER = "Mask2Former"
    MASKFORMER = "MaskFormer"
    MASKFORMER_WITH_ENCODER = "MaskFormer with encoder layers"


# By format: how a tensor's name begins that a MaskFormer has and a Mask2Former has not, and one of its encoder layers.
SIGNS = {
    "ours": ("pixel_decoder.fusions.", "pixel_decoder.layers."),
    "detectron2": ("sem_seg_head.predictor.transformer.decoder.", "sem_seg_head.pixel_decoder.transformer.encoder."),
    "mmdet": ("panoptic_head.pixel_decoder.lateral_convs.2.", "panoptic_head.pixel_decoder.encoder."),
    "transformers": ("model.pixel_level_module.decoder.fpn.", "no encoder layers in this format"),
}
SUPERVISED = "transformer_decoder.queries.features."  # of Mask2Former's decoder on an FPN


def model_of(names: Iterable[str], layout: str) -> Model:
    """The model of tensors by the names that they have in ``ours`` or a format.

    Args:
        names: of all tensors, the present ones.
        layout: ``ours`` or one of :data:`m2f.checkpoints.names.FORMATS`.
    """
    names = tuple(names)
    of_maskformer, of_encoder = SIGNS[layout]
    if not has(names, of_maskformer) or has(names, SUPERVISED):
        return Model.MASK2FORMER
    return Model.MASKFORMER_WITH_ENCODER if has(names, of_encoder) else Model.MASKFORMER


def has(names: Iterable[str], beginning: str) -> bool:
    """Whether a name begins so."""
    return any(name.startswith(beginning) for name in names)

"""Which of the paper's models a set of tensors is of, and what tensors that model has."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Size, Tensor

import m2f.models  # noqa: F401
from m2f.checkpoints.models import Model, model_of
from m2f.errors import InputError
from m2f.models.without_data import meta_module


@dataclass(frozen=True)
class Backbone:
    """A backbone of the paper.

    Attributes:
        name: as in the paper's tables; a checkpoint does not tell what it was pre-trained on.
        depths: blocks of each stage.
        width: channels at 1/4.
        heads: of a Swin's stages; empty for a ResNet.
        window: of a Swin.
    """

    name: str
    depths: tuple[int, ...]
    width: int = 256
    heads: tuple[int, ...] = ()
    window: int = 0

    @property
    def channels(self) -> list[int]:
        """At 1/4, 1/8, 1/16 and 1/32."""
        return [self.width * 2**stage for stage in range(4)]

    @property
    def config(self) -> dict[str, Any]:
        """What builds it."""
        if not self.heads:
            return {"type": "mmdet.ResNet", "depth": int(self.name.removeprefix("R"))}
        return {
            "type": "mmdet.SwinTransformer",
            "embed_dims": self.width,
            "depths": list(self.depths),
            "num_heads": list(self.heads),
            "window_size": self.window,
        }


BACKBONES = (
    Backbone("R50", (3, 4, 6, 3)),
    Backbone("R101", (3, 4, 23, 3)),
    Backbone("Swin-T", (2, 2, 6, 2), 96, (3, 6, 12, 24), 7),
    Backbone("Swin-S", (2, 2, 18, 2), 96, (3, 6, 12, 24), 7),
    Backbone("Swin-B", (2, 2, 18, 2), 128, (4, 8, 16, 32), 12),
    Backbone("Swin-L", (2, 2, 18, 2), 192, (6, 12, 24, 48), 12),
)


PIXEL_DECODERS = {
    Model.MASK2FORMER: {"type": "m2f.MSDeformAttn"},
    Model.MASKFORMER: {"type": "m2f.MaskFormerFPN"},
    Model.MASKFORMER_WITH_ENCODER: {"type": "m2f.MaskFormerEncoderFPN"},
}


@dataclass(frozen=True)
class Architecture:
    """A model of the paper (section 4.1): what its checkpoints differ in. All else is as in ``configs/paper``.

    Attributes:
        backbone: one of ``BACKBONES``.
        classes: K, without "no object".
        queries: 100, or 200 with Swin-L.
        encoder_layers: of the pixel decoder, 6 in the paper.
        decoder_layers: of the transformer decoder, 9 in the paper, 6 in MaskFormer.
        model: which of the models whose checkpoints are known.
    """

    backbone: Backbone
    classes: int
    queries: int
    encoder_layers: int
    decoder_layers: int
    model: Model = Model.MASK2FORMER

    def __str__(self) -> str:
        method = "Mask2Former" if self.model is Model.MASK2FORMER else "MaskFormer"
        return f"{method} with {self.backbone.name}, {self.classes} classes and {self.queries} queries"

    @property
    def config(self) -> dict[str, Any]:
        """What builds it, untrained. What it is trained for changes no tensor."""
        return {
            "type": "m2f.Mask2Former",
            "backbone": self.backbone.config,
            "pixel_decoder": {
                **PIXEL_DECODERS[self.model],
                "in_channels": self.backbone.channels,
                **({} if self.model is Model.MASKFORMER else {"num_layers": self.encoder_layers}),
            },
            "transformer_decoder": self.transformer_decoder,
            "criterion": {"type": "m2f.PointCriterion"},
            "task": "semantic",
            "num_things": 0,
            "num_stuff": self.classes,
        }

    @property
    def transformer_decoder(self) -> dict[str, Any]:
        """What builds it: masked attention, or MaskFormer's of Table XII(b)."""
        count = {"num_queries": self.queries}
        whole = {"type": "m2f.MaskedAttentionDecoder", "num_layers": self.decoder_layers}
        if self.model is Model.MASK2FORMER:
            queries, cross_attention = {"type": "m2f.LearnableQueries", **count}, {"type": "m2f.MaskedAttention"}
            return {**whole, "queries": queries, "cross_attention": cross_attention}
        queries, cross_attention = {"type": "m2f.ZeroQueries", **count}, {"type": "m2f.CrossAttention"}
        own = {"cross_attention_first": False, "reads": [[32]]}
        return {**whole, "queries": queries, "cross_attention": cross_attention, **own}

    def tensors(self) -> dict[str, Tensor]:
        """Each tensor by its name in our model, without data."""
        return meta_module(json.dumps(self.config)).state_dict()

    def shapes(self) -> dict[str, Size]:
        """Each tensor's shape by its name in our model."""
        return {name: tensor.shape for name, tensor in self.tensors().items()}


def check_layers(state: Mapping[str, Tensor], file: object) -> None:
    """Raise ``InputError`` unless tensors in our names have the layers without which no model is built.

    Those are the transformer decoder's, and the pixel decoder's but for a MaskFormer with a plain FPN.
    """
    plain = model_of(state, "ours") is Model.MASKFORMER
    for part in ("transformer_decoder",) if plain else ("pixel_decoder", "transformer_decoder"):
        if not count(state, rf"{part}\.layers\.(\d+)\."):
            raise InputError(
                f"{file} is no Mask2Former or MaskFormer: it has no layers of the {part.replace('_', ' ')}; take one's."
            )


def recognise(state: Mapping[str, Tensor]) -> Architecture:
    """The architecture that is nearest to tensors in our names; whether all of them fit is for the caller to check."""
    return Architecture(
        backbone=nearest_backbone(state),
        classes=rows(state, "transformer_decoder.classifier.bias", 134) - 1,
        queries=rows(state, "transformer_decoder.queries.positions.weight", 100),
        encoder_layers=count(state, r"pixel_decoder\.layers\.(\d+)\."),
        decoder_layers=count(state, r"transformer_decoder\.layers\.(\d+)\."),
        model=model_of(state, "ours"),
    )


def nearest_backbone(state: Mapping[str, Tensor]) -> Backbone:
    """The backbone whose blocks and width are the nearest."""
    swin = any(name.startswith(("backbone.stages.", "backbone.patch_embed.")) for name in state)
    stages = [rf"backbone\.stages\.{stage}\.blocks" if swin else rf"backbone\.layer{stage + 1}" for stage in range(4)]
    depths = [count(state, rf"{stage}\.(\d+)\.") for stage in stages]
    width = rows(state, "backbone.patch_embed.projection.weight", 0)

    def distance(backbone: Backbone) -> tuple[int, int]:
        blocks = sum(abs(ours - theirs) for ours, theirs in zip(depths, backbone.depths, strict=True))
        return blocks, abs(width - backbone.width)

    return min((backbone for backbone in BACKBONES if bool(backbone.heads) == swin), key=distance)


def rows(state: Mapping[str, Tensor], name: str, otherwise: int) -> int:
    """A tensor's first size, or another number where it is missing or has none that is positive."""
    tensor = state.get(name)
    return len(tensor) if tensor is not None and tensor.ndim and len(tensor) else otherwise


def count(names: Collection[str], pattern: str) -> int:
    """One more than the highest index that a pattern finds at the beginning of a name; 0 where it finds none.

    An index as high as there are names is none: so many layers would have to be there.
    """
    found = (match[1] for name in names if (match := re.match(pattern, name)))
    most = len(names)
    return max((int(index) + 1 for index in found if len(index) <= len(str(most)) and int(index) < most), default=0)

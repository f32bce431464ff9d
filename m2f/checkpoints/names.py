"""What every tensor of a Mask2Former is called in each format: the one place where names are written.

A row is one tensor, or one of several alike, in our model and in the others'. In a name ``#`` stands for an index and
``*`` for a parameter, such as ``weight``; both mean the same in all names of a row. Three names in one place are the
query's, the key's and the value's parts of what another format keeps as one tensor, in that order.

Names of ``detectron2`` are those of the official code (facebookresearch/Mask2Former), of ``mmdet`` those of its
detector ``Mask2Former``, of ``transformers`` those of ``Mask2FormerForUniversalSegmentation``. Older names are
brought to their present form first, by :func:`present_name`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

FORMATS = ("detectron2", "mmdet", "transformers")

Names = str | tuple[str, str, str]


@dataclass(frozen=True)
class Row:
    """One tensor's names, or those of several alike.

    Attributes:
        ours: in :class:`m2f.models.segmentor.Mask2Former`.
        detectron2: in the official code.
        mmdet: in mmdet.
        transformers: in transformers.
        merged_channels: of four pixels side by side that Swin merges into one; mmdet's model, and so ours, goes
            through the channels first, the others through the pixels.
    """

    ours: Names
    detectron2: Names
    mmdet: Names
    transformers: Names
    merged_channels: bool = False

    def named(self, layout: str) -> tuple[str, ...]:
        """The names in ``ours`` or one of ``FORMATS``."""
        names: Names = getattr(self, layout)
        return (names,) if isinstance(names, str) else names


def under(prefixes: tuple[str, str, str, str], *lines: tuple[Names, Names, Names, Names]) -> Iterator[Row]:
    """Rows from lines of names in the order ours, detectron2, mmdet, transformers, each behind its prefix."""
    for line in lines:
        ours, detectron2, mmdet, transformers = map(behind, prefixes, line)
        yield Row(ours, detectron2, mmdet, transformers)


def behind(prefix: str, names: Names) -> Names:
    """Names behind a prefix."""
    return prefix + names if isinstance(names, str) else (prefix + names[0], prefix + names[1], prefix + names[2])


def backbone(ours: str, detectron2: str, transformers: Names, merged_channels: bool = False) -> Row:
    """A row of a backbone. Ours is mmdet's."""
    return Row(
        f"backbone.{ours}",
        f"backbone.{detectron2}",
        f"backbone.{ours}",
        behind("model.pixel_level_module.encoder.", transformers),
        merged_channels,
    )


def resnet() -> Iterator[Row]:
    """ResNets of bottleneck blocks."""
    yield backbone("conv1.*", "stem.conv1.*", "embedder.embedder.convolution.*")
    yield backbone("bn1.*", "stem.conv1.norm.*", "embedder.embedder.normalization.*")
    for stage in range(4):
        ours, official, theirs = f"layer{stage + 1}.#", f"res{stage + 2}.#", f"encoder.stages.{stage}.layers.#"
        for number in range(3):
            layer = f"{theirs}.layer.{number}"
            convolution = f"{official}.conv{number + 1}"
            yield backbone(f"{ours}.conv{number + 1}.*", f"{convolution}.*", f"{layer}.convolution.*")
            yield backbone(f"{ours}.bn{number + 1}.*", f"{convolution}.norm.*", f"{layer}.normalization.*")
        yield backbone(f"{ours}.downsample.0.*", f"{official}.shortcut.*", f"{theirs}.shortcut.convolution.*")
        yield backbone(f"{ours}.downsample.1.*", f"{official}.shortcut.norm.*", f"{theirs}.shortcut.normalization.*")


def swin() -> Iterator[Row]:
    """Swin Transformers."""
    yield backbone("patch_embed.projection.*", "patch_embed.proj.*", "swin.embeddings.patch_embeddings.projection.*")
    yield backbone("patch_embed.norm.*", "patch_embed.norm.*", "swin.embeddings.norm.*")
    ours, official, theirs = "stages.#.", "layers.#.", "swin.encoder.layers.#."
    table, index = "relative_position_bias_table", "relative_position_index"
    position = "attention.relative_position_bias."
    projections = ("attention.q_proj.*", "attention.k_proj.*", "attention.v_proj.*")
    lines: tuple[tuple[str, str, Names], ...] = (
        ("norm1.*", "norm1.*", "layernorm_before.*"),
        (f"attn.w_msa.{table}", f"attn.{table}", f"{position}{table}"),
        (f"attn.w_msa.{index}", f"attn.{index}", f"{position}{index}"),
        ("attn.w_msa.qkv.*", "attn.qkv.*", projections),
        ("attn.w_msa.proj.*", "attn.proj.*", "attention.o_proj.*"),
        ("norm2.*", "norm2.*", "layernorm_after.*"),
        ("ffn.layers.0.0.*", "mlp.fc1.*", "mlp.fc1.*"),
        ("ffn.layers.1.*", "mlp.fc2.*", "mlp.fc2.*"),
    )
    for our, its, their in lines:
        yield backbone(f"{ours}blocks.#.{our}", f"{official}blocks.#.{its}", behind(f"{theirs}blocks.#.", their))
    for name in ("downsample.norm.*", "downsample.reduction.*"):
        yield backbone(ours + name, official + name, theirs + name, merged_channels=True)
    for number in range(4):
        yield backbone(f"norm{number}.*", f"norm{number}.*", f"hidden_states_norms.stage{number + 1}.*")


def pixel_decoder() -> Iterator[Row]:
    """The pixel decoder of multi-scale deformable attention."""
    yield from under(
        (
            "pixel_decoder.",
            "sem_seg_head.pixel_decoder.",
            "panoptic_head.pixel_decoder.",
            "model.pixel_level_module.decoder.",
        ),
        ("projections.#.0.*", "input_proj.#.0.*", "input_convs.#.conv.*", "input_projections.#.0.*"),
        ("projections.#.1.*", "input_proj.#.1.*", "input_convs.#.gn.*", "input_projections.#.1.*"),
        ("level_embedding", "transformer.level_embed", "level_encoding.weight", "level_embed"),
        ("lateral.conv.*", "adapter_1.*", "lateral_convs.0.conv.*", "adapter_1.0.*"),
        ("lateral.gn.*", "adapter_1.norm.*", "lateral_convs.0.gn.*", "adapter_1.1.*"),
        ("output.conv.*", "layer_1.*", "output_convs.0.conv.*", "layer_1.0.*"),
        ("output.gn.*", "layer_1.norm.*", "output_convs.0.gn.*", "layer_1.1.*"),
        ("mask_features.*", "mask_features.*", "mask_feature.*", "mask_projection.*"),
    )
    yield from under(
        (
            "pixel_decoder.layers.#.",
            "sem_seg_head.pixel_decoder.transformer.encoder.layers.#.",
            "panoptic_head.pixel_decoder.encoder.layers.#.",
            "model.pixel_level_module.decoder.encoder.layers.#.",
        ),
        ("attention.offsets.*", *3 * ("self_attn.sampling_offsets.*",)),
        ("attention.weights.*", *3 * ("self_attn.attention_weights.*",)),
        ("attention.value.*", *3 * ("self_attn.value_proj.*",)),
        ("attention.output.*", *3 * ("self_attn.output_proj.*",)),
        ("norms.0.*", "norm1.*", "norms.0.*", "self_attn_layer_norm.*"),
        ("feedforward.0.*", "linear1.*", "ffn.layers.0.0.*", "fc1.*"),
        ("feedforward.3.*", "linear2.*", "ffn.layers.1.*", "fc2.*"),
        ("norms.1.*", "norm2.*", "norms.1.*", "final_layer_norm.*"),
    )


def transformer_decoder() -> Iterator[Row]:
    """The decoder of masked attention."""
    yield from under(
        (
            "transformer_decoder.",
            "sem_seg_head.predictor.",
            "panoptic_head.",
            "model.transformer_module.",
        ),
        ("queries.features.weight", "query_feat.weight", "query_feat.weight", "queries_features.weight"),
        ("queries.positions.weight", "query_embed.weight", "query_embed.weight", "queries_embedder.weight"),
        ("level_embedding.weight", *3 * ("level_embed.weight",)),
        ("norm.*", "decoder_norm.*", "transformer_decoder.post_norm.*", "decoder.layernorm.*"),
        *(
            (
                f"mask_embedding.{2 * number}.*",
                f"mask_embed.layers.{number}.*",
                f"mask_embed.{2 * number}.*",
                f"decoder.mask_predictor.mask_embedder.{number}.0.*",
            )
            for number in range(3)
        ),
    )
    yield Row(
        "transformer_decoder.classifier.*",
        "sem_seg_head.predictor.class_embed.*",
        "panoptic_head.cls_embed.*",
        "class_predictor.*",
    )
    separate = ("q_proj.*", "k_proj.*", "v_proj.*")
    yield from under(
        (
            "transformer_decoder.layers.#.",
            "sem_seg_head.predictor.transformer_",
            "panoptic_head.transformer_decoder.layers.#.",
            "model.transformer_module.decoder.layers.#.",
        ),
        (
            projections("cross_attention.attention."),
            "cross_attention_layers.#.multihead_attn.in_proj_*",
            "cross_attn.attn.in_proj_*",
            "cross_attn.in_proj_*",
        ),
        (
            "cross_attention.attention.output.*",
            "cross_attention_layers.#.multihead_attn.out_proj.*",
            "cross_attn.attn.out_proj.*",
            "cross_attn.out_proj.*",
        ),
        ("norms.0.*", "cross_attention_layers.#.norm.*", "norms.0.*", "cross_attn_layer_norm.*"),
        (
            projections("self_attention."),
            "self_attention_layers.#.self_attn.in_proj_*",
            "self_attn.attn.in_proj_*",
            behind("self_attn.", separate),
        ),
        (
            "self_attention.output.*",
            "self_attention_layers.#.self_attn.out_proj.*",
            "self_attn.attn.out_proj.*",
            "self_attn.out_proj.*",
        ),
        ("norms.1.*", "self_attention_layers.#.norm.*", "norms.1.*", "self_attn_layer_norm.*"),
        ("feedforward.0.*", "ffn_layers.#.linear1.*", "ffn.layers.0.0.*", "fc1.*"),
        ("feedforward.3.*", "ffn_layers.#.linear2.*", "ffn.layers.1.*", "fc2.*"),
        ("norms.2.*", "ffn_layers.#.norm.*", "norms.2.*", "final_layer_norm.*"),
    )


def projections(attention: str) -> Names:
    """The three input projections of one of our attentions."""
    return f"{attention}query.*", f"{attention}key.*", f"{attention}value.*"


ROWS = (*resnet(), *swin(), *pixel_decoder(), *transformer_decoder())


@dataclass(frozen=True)
class Constant:
    """A tensor of another format that nothing learns and our model does not keep.

    Attributes:
        like: our tensor of the same shape.
        make: its value, from that tensor.
    """

    like: str
    make: Callable[[Tensor], Tensor]


def class_balance(bias: Tensor) -> Tensor:
    """Weights of the class loss ``[K + 1]``: 1, and 0.1 for "no object" (criterion.py:113 of the reference)."""
    weights = torch.ones_like(bias)
    weights[-1] = 0.1
    return weights


BALANCE = {"criterion.empty_weight": Constant("transformer_decoder.classifier.bias", class_balance)}
# The norm after a Swin's last stage, which segmentation reads around.
LAST_NORM = "model.pixel_level_module.encoder.swin.layernorm."
CONSTANTS: Mapping[str, Mapping[str, Constant]] = {
    "detectron2": BALANCE,
    "mmdet": {},
    "transformers": {
        **BALANCE,
        f"{LAST_NORM}weight": Constant("backbone.norm3.weight", torch.ones_like),
        f"{LAST_NORM}bias": Constant("backbone.norm3.bias", torch.zeros_like),
    },
}
# transformers computes this buffer when it builds the model; its older checkpoints have it.
NOT_WRITTEN = {"transformers": "relative_position_index"}

SWIN_PREFIX = "model.pixel_level_module.encoder."
MASKFORMER_SWIN = f"{SWIN_PREFIX}model."  # of a class of its own, whose names are those of its files
# Parts of the names of a Swin in transformers 4 and in the files of any version, and in a model of transformers 5.
SWIN_IN_FILES = (
    ("encoder.embeddings.", "encoder.swin.embeddings."),
    ("encoder.encoder.layers.", "encoder.swin.encoder.layers."),
    ("attention.self.query.", "attention.q_proj."),
    ("attention.self.key.", "attention.k_proj."),
    ("attention.self.value.", "attention.v_proj."),
    ("attention.self.relative_position_", "attention.relative_position_bias.relative_position_"),
    ("attention.output.dense.", "attention.o_proj."),
    ("intermediate.dense.", "mlp.fc1."),
    ("output.dense.", "mlp.fc2."),
)
DETR_LAYER = r"(^model\.transformer_module\.decoder\.layers\.\d+\.)"
# Names of a MaskFormer's decoder in a model of transformers 5, and in transformers 4 and files.
DETR_TO_FILES = (
    (DETR_LAYER + r"(self_attn|encoder_attn)\.o_proj\.", r"\1\2.out_proj."),
    (DETR_LAYER + r"mlp\.(fc[12])\.", r"\1\2."),
)
# Older names by format, as (pattern, present form), applied one after the other.
RENAMED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "detectron2": (
        # Before the pixel decoder was a part of its own; published checkpoints are so (mask_former_head.py:23-44).
        (r"^sem_seg_head\.(?!pixel_decoder\.|predictor\.)", "sem_seg_head.pixel_decoder."),
        # As in the decoder's own _load_from_state_dict.
        (r"^sem_seg_head\.predictor\.static_query\.", "sem_seg_head.predictor.query_feat."),
    ),
    "mmdet": (
        # mmsegmentation calls the same head so.
        (r"^decode_head\.", "panoptic_head."),
        # mmdet 2: attentions and feed-forward networks of a layer by number.
        (r"(pixel_decoder\.encoder\.layers\.\d+\.)attentions\.0\.", r"\1self_attn."),
        (r"(transformer_decoder\.layers\.\d+\.)attentions\.0\.", r"\1cross_attn."),
        (r"(transformer_decoder\.layers\.\d+\.)attentions\.1\.", r"\1self_attn."),
        (r"(^panoptic_head\..*\.layers\.\d+\.)ffns\.0\.", r"\1ffn."),
    ),
}


def present_name(name: str, source: str) -> str:
    """A tensor's name in the source's newest model, from that or an older one."""
    for pattern, present in RENAMED.get(source, ()):
        name = re.sub(pattern, present, name)
    if source == "transformers" and name.startswith(SWIN_PREFIX) and not name.startswith(MASKFORMER_SWIN):
        for filed, present in SWIN_IN_FILES:
            name = name.replace(filed, present)
    return name


def in_transformers_file(name: str) -> str:
    """What transformers calls a tensor of its newest model in a file."""
    for present, filed in DETR_TO_FILES:
        name = re.sub(present, filed, name)
    if name.startswith(SWIN_PREFIX) and not name.startswith(MASKFORMER_SWIN):
        for filed, present in SWIN_IN_FILES:
            name = name.replace(present, filed)
    return name

"""What every tensor of a MaskFormer is called in each format; :mod:`m2f.checkpoints.names` says how to read a row.

Names of ``detectron2`` are those of facebookresearch/MaskFormer, of ``mmdet`` those of its detector ``MaskFormer``, of
``transformers`` those of ``MaskFormerForInstanceSegmentation``, which has none with encoder layers.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from m2f.checkpoints.names import DETR_LAYER, Names, Row, behind, in_transformers_file, projections, resnet, swin, under

HEADS = ("pixel_decoder.", "sem_seg_head.pixel_decoder.", "panoptic_head.pixel_decoder.")
FPN_HEADS = (*HEADS, "model.pixel_level_module.decoder.")
NOWHERE = ""  # in transformers, of what it does not have
# Names in transformers 4 and in files, and in a model of transformers 5.
FILED = (
    (DETR_LAYER + r"(\w+_attn)\.out_proj\.", r"\1\2.o_proj."),
    (DETR_LAYER + r"(fc[12])\.", r"\1mlp.\2."),
)


def in_transformers_model(name: str) -> str:
    """A tensor's name in transformers' newest MaskFormer, from that or an older one."""
    for filed, present in FILED:
        name = re.sub(filed, present, name)
    return name


def maskformer_swin() -> Iterator[Row]:
    """Swin Transformers, which transformers has here under names of their own."""
    for row in swin():
        names = row.transformers
        own: Names = own_swin(names) if isinstance(names, str) else tuple(map(own_swin, names))  # type: ignore[assignment]
        yield replace(row, transformers=own)


def own_swin(name: str) -> str:
    """A name of a Mask2Former's Swin in transformers as a MaskFormer's has it."""
    name = in_transformers_file(name).replace("_module.encoder.swin.", "_module.encoder.")
    for part in ("embeddings.", "encoder.layers.", "layernorm."):
        name = name.replace(f"_module.encoder.{part}", f"_module.encoder.model.{part}")
    return re.sub(r"norms\.stage(\d)", lambda found: f"norms.{int(found[1]) - 1}", name)


def fpn(encoder: bool) -> Iterator[Row]:
    """The FPN of both pixel decoders; ours and mmdet's count from 1/4, transformers from 1/16."""
    coarsest = "encoder_out_proj" if encoder else "last_feat_conv"
    for level in range(4):
        of_mmdet = coarsest if level == 3 else f"output_convs.{level}"
        layer = "fpn.stem" if level == 3 else f"fpn.layers.{2 - level}.block"
        yield from under(
            FPN_HEADS,
            (f"outputs.{level}.conv.*", f"layer_{level + 1}.*", f"{of_mmdet}.conv.*", f"{layer}.0.*"),
            (f"outputs.{level}.gn.*", f"layer_{level + 1}.norm.*", f"{of_mmdet}.gn.*", f"{layer}.1.*"),
        )
    for level in range(3):
        lateral, adapter = f"fusions.{level}.lateral", f"adapter_{level + 1}"
        yield from under(
            FPN_HEADS,
            (f"{lateral}.conv.*", f"{adapter}.*", f"lateral_convs.{level}.conv.*", f"fpn.layers.{2 - level}.proj.0.*"),
            (f"{lateral}.gn.*", f"{adapter}.norm.*", f"lateral_convs.{level}.gn.*", f"fpn.layers.{2 - level}.proj.1.*"),
        )
    yield from under(FPN_HEADS, ("mask_features.*", "mask_features.*", "mask_feature.*", "mask_projection.*"))


def projection() -> Iterator[Row]:
    """The projection without encoder layers, which the others have in the transformer decoder."""
    yield Row(
        "pixel_decoder.projection.*",
        "sem_seg_head.predictor.input_proj.*",
        "panoptic_head.decoder_input_proj.*",
        "model.transformer_module.input_projection.*",
    )


def encoder() -> Iterator[Row]:
    """The encoder layers and the projection before them."""
    yield from under((*HEADS, NOWHERE), ("projection.*", "input_proj.*", "encoder_in_proj.*", NOWHERE))
    yield from under(
        (
            "pixel_decoder.layers.#.",
            "sem_seg_head.pixel_decoder.transformer.encoder.layers.#.",
            "panoptic_head.pixel_decoder.encoder.layers.#.",
            NOWHERE,
        ),
        (projections("attention."), "self_attn.in_proj_*", "self_attn.attn.in_proj_*", NOWHERE),
        ("attention.output.*", "self_attn.out_proj.*", "self_attn.attn.out_proj.*", NOWHERE),
        ("feedforward.0.*", "linear1.*", "ffn.layers.0.0.*", NOWHERE),
        ("feedforward.3.*", "linear2.*", "ffn.layers.1.*", NOWHERE),
        *((f"norms.{number}.*", f"norm{number + 1}.*", f"norms.{number}.*", NOWHERE) for number in range(2)),
    )


def decoder() -> Iterator[Row]:
    """DETR's decoder. Ours numbers its norms cross-attention, self-attention, network, whatever the order."""
    yield from under(
        ("transformer_decoder.", "sem_seg_head.predictor.", "panoptic_head.", ""),
        (
            "queries.positions.weight",
            "query_embed.weight",
            "query_embed.weight",
            "model.transformer_module.queries_embedder.weight",
        ),
        (
            "norm.*",
            "transformer.decoder.norm.*",
            "transformer_decoder.post_norm.*",
            "model.transformer_module.decoder.layernorm.*",
        ),
        ("classifier.*", "class_embed.*", "cls_embed.*", "class_predictor.*"),
        *(
            (
                f"mask_embedding.{2 * number}.*",
                f"mask_embed.layers.{number}.*",
                f"mask_embed.{2 * number}.*",
                f"mask_embedder.{number}.0.*",
            )
            for number in range(3)
        ),
    )
    separate = ("q_proj.*", "k_proj.*", "v_proj.*")
    yield from under(
        (
            "transformer_decoder.layers.#.",
            "sem_seg_head.predictor.transformer.decoder.layers.#.",
            "panoptic_head.transformer_decoder.layers.#.",
            "model.transformer_module.decoder.layers.#.",
        ),
        (
            projections("self_attention."),
            "self_attn.in_proj_*",
            "self_attn.attn.in_proj_*",
            behind("self_attn.", separate),
        ),
        ("self_attention.output.*", "self_attn.out_proj.*", "self_attn.attn.out_proj.*", "self_attn.o_proj.*"),
        ("norms.1.*", "norm1.*", "norms.0.*", "self_attn_layer_norm.*"),
        (
            projections("cross_attention.attention."),
            "multihead_attn.in_proj_*",
            "cross_attn.attn.in_proj_*",
            behind("encoder_attn.", separate),
        ),
        (
            "cross_attention.attention.output.*",
            "multihead_attn.out_proj.*",
            "cross_attn.attn.out_proj.*",
            "encoder_attn.o_proj.*",
        ),
        ("norms.0.*", "norm2.*", "norms.1.*", "encoder_attn_layer_norm.*"),
        ("feedforward.0.*", "linear1.*", "ffn.layers.0.0.*", "mlp.fc1.*"),
        ("feedforward.3.*", "linear2.*", "ffn.layers.1.*", "mlp.fc2.*"),
        ("norms.2.*", "norm3.*", "norms.2.*", "final_layer_norm.*"),
    )


PLAIN_ROWS = (*resnet(), *maskformer_swin(), *fpn(encoder=False), *projection(), *decoder())
ENCODER_ROWS = (*resnet(), *swin(), *fpn(encoder=True), *encoder(), *decoder())

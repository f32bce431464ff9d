"""S3: where in the pixel decoder is the accuracy? Every published way, on one decoder, from 104 to 258 GFLOPs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ablations.studies.keys import ALL_TASKS, AS_FOLLOWERS, CROSS_ATTENTION, LAYERS, PIXEL_DECODER
from ablations.studies.study import Provenance, Study, Times, Variation

POOL, PIXEL_LAYERS, COARSE_LAYERS, NARROWING = (
    f"model.pixel_decoder.{option}" for option in ("pool", "num_layers", "coarse_layers", "narrowing")
)
MASKED, PROTOTYPES = "masked attention", "prototypes"
PROTOTYPE_ATTENTION = {CROSS_ATTENTION: "PrototypeAttention"}
# The paper's six at every scale, and a third of them: deformable designs differ in what they do with their layers, of
# which `mini` and `smoke` have too few otherwise.
SIX_LAYERS = {PIXEL_LAYERS: 6}
TWO_LAYERS = {PIXEL_LAYERS: 2}


def row(
    name: str, pixel_decoder: str, reason: str, provenance: Provenance = "inferred", **others: Mapping[str, Any]
) -> Variation:
    """A row of a pixel decoder, and what else it changes."""
    changes = {key: value for own in others.values() for key, value in own.items()}
    return Variation(
        name, {**AS_FOLLOWERS, PIXEL_DECODER: pixel_decoder, **changes}, provenance=provenance, reason=reason
    )


def with_both_attentions(masked: Variation) -> tuple[Variation, Variation]:
    """A row with masked attention, and the one with prototypes: the second factor of the rows that are crossed."""
    prototypes = Variation(
        f"{masked.name}, {PROTOTYPES}",
        {**masked.overrides, **PROTOTYPE_ATTENTION},
        provenance="inferred",
        reason="Whether another attention makes the pixel decoder matter less, as PEM claims of its own.",
        choices=(masked.name, PROTOTYPES),
    )
    return replace(masked, choices=(masked.name, MASKED)), prototypes


MSDEFORMATTN, MSDEFORMATTN_PROTOTYPES = with_both_attentions(
    Variation("MSDeformAttn", {**AS_FOLLOWERS, **SIX_LAYERS}, reason="Section 4.1: six layers, the paper's own choice.")
)
FPN, FPN_PROTOTYPES = with_both_attentions(row("FPN", "TransformerEncoderFPN", "As in Table 4(e)."))
PRO_SCALE, PRO_SCALE_PROTOTYPES = with_both_attentions(
    row("PRO-SCALE", "ProScale", "Its paper's three layers a stage and maximum at 1/4.", "exact", own=SIX_LAYERS)
)
PEM_PYRAMID, PEM_PYRAMID_PROTOTYPES = with_both_attentions(
    row("PEM pyramid", "PEMPyramid", "At the decoder's width, with group norms and one sigmoid.")
)

STUDY_S3 = Study(
    table="S3",
    title="Where in the pixel decoder the accuracy is",
    baseline="MSDeformAttn",
    tasks=ALL_TASKS,
    factors=("pixel decoder", "attention"),
    note="After the paper. To be read as accuracy over FLOPs. Deformable pixel decoders have the paper's six layers at "
    "every scale. docs/since-the-paper.md has what others print of these.",
    variations=(
        row("Semantic FPN", "SemanticFPN", "As in Table 4(e)."),
        MSDEFORMATTN,
        row(
            "Lite, (2 + 1) x 3",
            "LiteMSDeformAttn",
            "Lite DETR's blocks, whose key-aware attention is left out.",
            own=SIX_LAYERS,
        ),
        row("BiFPN", "BiFPN", "As in Table 4(e)."),
        row(
            "Lite, (1 + 1) x 3",
            "LiteMSDeformAttn",
            "As many layers as the paper's.",
            own={**SIX_LAYERS, COARSE_LAYERS: 1},
        ),
        row("hybrid encoder", "HybridEncoder", "RT-DETR's encoder and a step to 1/4, with group norms."),
        row(
            "PRO-SCALE, output convolution",
            "ProScale",
            "Its stages with the paper's convolution at 1/4: what the layers alone save.",
            own={**SIX_LAYERS, POOL: False},
        ),
        FPN,
        row("FPN without encoder", "FPN", "What the FPN of Table 4(e) may also have been.", "unspecified"),
        row("pyramid pooling FPN", "PyramidPoolingFPN", "FastInst's, whose step to 1/4 is chosen here."),
        row(
            "Lite, (5 + 1) x 1",
            "LiteMSDeformAttn",
            "One block with five layers for 1/32 and 1/16.",
            own={**TWO_LAYERS, COARSE_LAYERS: 5},
        ),
        PRO_SCALE,
        PEM_PYRAMID,
        row("PRO-SCALE, one layer a stage", "ProScale", "Its smallest.", "exact", own=TWO_LAYERS),
        row("PEM pyramid, half as wide", "PEMPyramid", "At its own width, of half the decoder's.", own={NARROWING: 2}),
        row(
            "PEM",
            "PEMPyramid",
            "Pyramid, attention and six layers together, normalised after each part where PEM normalises before.",
            own={NARROWING: 2, LAYERS: Times(2 / 3, multiple_of=3), **PROTOTYPE_ATTENTION},
        ),
        MSDEFORMATTN_PROTOTYPES,
        FPN_PROTOTYPES,
        PRO_SCALE_PROTOTYPES,
        PEM_PYRAMID_PROTOTYPES,
    ),
)

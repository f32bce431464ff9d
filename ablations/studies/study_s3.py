"""S3: where in the pixel decoder is the accuracy? Every published way, on one decoder, from 104 to 258 GFLOPs."""

from collections.abc import Mapping
from typing import Any

from ablations.studies.keys import ALL_TASKS, AS_FOLLOWERS, CROSS_ATTENTION, LAYERS, PIXEL_DECODER
from ablations.studies.study import Provenance, Study, Times, Variation

POOL, PIXEL_LAYERS, COARSE_LAYERS, NARROWING = (
    f"model.pixel_decoder.{option}" for option in ("pool", "num_layers", "coarse_layers", "narrowing")
)
PROTOTYPES = {CROSS_ATTENTION: "PrototypeAttention"}
A_THIRD = {PIXEL_LAYERS: Times(1 / 3)}
BETTER = "Whether another attention makes the pixel decoder matter less, as PEM claims of its own."


def row(
    name: str, pixel_decoder: str, reason: str, provenance: Provenance = "inferred", **others: Mapping[str, Any]
) -> Variation:
    """A row of a pixel decoder, and what else it changes."""
    changes = {key: value for own in others.values() for key, value in own.items()}
    return Variation(
        name, {**AS_FOLLOWERS, PIXEL_DECODER: pixel_decoder, **changes}, provenance=provenance, reason=reason
    )


STUDY_S3 = Study(
    table="S3",
    title="Where in the pixel decoder the accuracy is",
    baseline="MSDeformAttn",
    tasks=ALL_TASKS,
    note="After the paper. To be read as accuracy over FLOPs. docs/since-the-paper.md has what others print of these.",
    variations=(
        row("Semantic FPN", "SemanticFPN", "As in Table 4(e)."),
        Variation("MSDeformAttn", AS_FOLLOWERS, reason="Section 4.1: six layers, the paper's own choice."),
        row("Lite, (2 + 1) x 3", "LiteMSDeformAttn", "Lite DETR's blocks, whose key-aware attention is left out."),
        row("BiFPN", "BiFPN", "As in Table 4(e)."),
        row("Lite, (1 + 1) x 3", "LiteMSDeformAttn", "As many layers as the paper's.", own={COARSE_LAYERS: 1}),
        row("hybrid encoder", "HybridEncoder", "RT-DETR's encoder and a step to 1/4, with group norms."),
        row(
            "PRO-SCALE, output convolution",
            "ProScale",
            "Its stages with the paper's convolution at 1/4: what the layers alone save.",
            own={POOL: False},
        ),
        row("FPN", "TransformerEncoderFPN", "As in Table 4(e)."),
        row("FPN without encoder", "FPN", "What the FPN of Table 4(e) may also have been.", "unspecified"),
        row("pyramid pooling FPN", "PyramidPoolingFPN", "FastInst's, whose step to 1/4 is chosen here."),
        row(
            "Lite, (5 + 1) x 1",
            "LiteMSDeformAttn",
            "One block with five layers for 1/32 and 1/16.",
            own={COARSE_LAYERS: 5, **A_THIRD},
        ),
        row("PRO-SCALE", "ProScale", "Its paper's three layers a stage and maximum at 1/4.", "exact"),
        row("PEM pyramid", "PEMPyramid", "At the decoder's width, with group norms and one sigmoid."),
        row("PRO-SCALE, one layer a stage", "ProScale", "Its smallest.", "exact", own=A_THIRD),
        row("PEM pyramid, half as wide", "PEMPyramid", "At its own width, of half the decoder's.", own={NARROWING: 2}),
        row(
            "PEM",
            "PEMPyramid",
            "Pyramid, attention and six layers together, normalised after each part where PEM normalises before.",
            own={NARROWING: 2, LAYERS: Times(2 / 3), **PROTOTYPES},
        ),
        Variation("MSDeformAttn, prototypes", {**AS_FOLLOWERS, **PROTOTYPES}, provenance="inferred", reason=BETTER),
        row("FPN, prototypes", "TransformerEncoderFPN", BETTER, own=PROTOTYPES),
        row("PRO-SCALE, prototypes", "ProScale", BETTER, own=PROTOTYPES),
        row("PEM pyramid, prototypes", "PEMPyramid", BETTER, own=PROTOTYPES),
    ),
)

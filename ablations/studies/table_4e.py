"""Table 4(e): pixel decoders."""

from ablations.studies.keys import ALL_TASKS, PIXEL_DECODER
from ablations.studies.study import Study, Variation

TABLE_4E = Study(
    table="4e",
    title="Pixel decoder",
    baseline="MSDeformAttn",
    tasks=ALL_TASKS,
    variations=(
        Variation(
            "FPN",
            {PIXEL_DECODER: "TransformerEncoderFPN"},
            provenance="inferred",
            reason="The paper's 195 GFLOPs are an FPN with MaskFormer's six encoder layers on 1/32 (194.7); a plain "
            "FPN takes 188.5.",
        ),
        Variation(
            "Semantic FPN",
            {PIXEL_DECODER: "SemanticFPN"},
            provenance="inferred",
            reason="258 GFLOPs are the FPN row's with a 256-channel semantic branch (258.1).",
        ),
        Variation(
            "FaPN",
            {PIXEL_DECODER: "FaPN"},
            provenance="inferred",
            reason="The paper only cites FaPN and prints no GFLOPs; the 217M parameters of Table V tell that there is "
            "no encoder, and a 1x1 convolution on 1/32.",
        ),
        Variation(
            "BiFPN",
            {PIXEL_DECODER: "BiFPN"},
            provenance="inferred",
            reason="The paper only cites EfficientDet: of the layouts that take 204 GFLOPs, the one with its separable "
            "convolutions, three layers deep.",
        ),
        Variation("MSDeformAttn", {}, reason="Section 4.1: six layers, the paper's own choice."),
    ),
)

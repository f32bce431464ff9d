"""Table 4(c): what the queries' cross-attention looks at."""

from ablations.variation import Study, Variation

CROSS_ATTENTION = "model.transformer_decoder.cross_attention.type"

TABLE_4C = Study(
    table="4c",
    title="Cross-attention",
    baseline="masked attention",
    tasks=("panoptic", "instance", "semantic"),
    variations=(
        Variation(
            "cross-attention",
            {CROSS_ATTENTION: "CrossAttention"},
            provenance="exact",
            reason="Equation (1): masked attention without its mask.",
        ),
        Variation(
            "SMCA",
            {CROSS_ATTENTION: "SMCA"},
            provenance="inferred",
            reason="The paper only cites SMCA: its public code's Gaussian per head, with distances measured alike at "
            "all three resolutions and a centre predicted by every layer.",
        ),
        Variation(
            "mask pooling",
            {CROSS_ATTENTION: "MaskPooling"},
            provenance="inferred",
            reason="The paper only says that features are averaged within mask regions, as in K-Net; its 217 GFLOPs "
            "tell that pixels are not projected.",
        ),
        Variation(
            "masked attention",
            {},
            provenance="exact",
            reason="Equations (2) and (3): the paper's own design.",
        ),
    ),
)

"""Table 4(c): what the queries' cross-attention looks at."""

from ablations.studies.keys import ALL_TASKS, CROSS_ATTENTION
from ablations.studies.study import Study, Variation

TABLE_4C = Study(
    table="4c",
    title="Cross-attention",
    baseline="masked attention",
    tasks=ALL_TASKS,
    variations=(
        Variation(
            "cross-attention",
            {CROSS_ATTENTION: "CrossAttention"},
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
        Variation("masked attention", {}, reason="Equations (2) and (3): the paper's own design."),
    ),
)

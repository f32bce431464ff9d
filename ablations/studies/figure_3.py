"""Figure 3: learnable queries as region proposals."""

from ablations.studies.figure_ii import EVERY_LAYER
from ablations.studies.study import Study, Variation

FIGURE_3 = Study(
    table="fig3",
    title="Average recall of each layer's masks",
    baseline="masked attention",
    tasks=("panoptic",),
    note="Class-agnostic AR@100 on things, of all masks that are predicted after each layer. Layer 0 is the learnable "
    "queries themselves. The paper shows this as a plot, without numbers.",
    metric={"panoptic": "AR100_layer"},
    evaluation=EVERY_LAYER,
    variations=(
        Variation(
            "masked attention",
            {},
            provenance="inferred",
            reason="Figure 3 does not say how proposals are ranked, which matters where there are more than 100.",
        ),
    ),
)

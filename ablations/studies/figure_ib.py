"""Figure I(b): how much of the attention falls on the object."""

from ablations.studies.keys import CROSS_ATTENTION, VALIDATION_PIPELINE
from ablations.studies.study import Evaluation, Setting, Study, Variation

FIGURE_IB = Study(
    table="Ib",
    title="Attention on foreground and background",
    baseline="masked attention",
    tasks=("panoptic",),
    metric={"panoptic": "fg_avg"},
    note="Shares of the attention weights, from 0 to 1, by resolution. A query's foreground is the segment that is "
    "matched with it.",
    evaluation=Evaluation(
        {
            "model.type": "AttentionInspector",
            VALIDATION_PIPELINE: Setting("pipelines.val_with_truth"),
            "val_evaluator": [{"type": "m2f.AttentionMass"}],
        }
    ),
    variations=(
        Variation(
            "cross-attention",
            {CROSS_ATTENTION: "CrossAttention"},
            provenance="inferred",
            reason="Section C.2 leaves open which layers and queries count: the last layer of each resolution, "
            "and the queries that are matched.",
        ),
        Variation(
            "masked attention",
            {},
            provenance="inferred",
            reason="As above.",
        ),
    ),
)

"""Figure II: how good the prediction after each decoder layer is."""

from ablations.studies.keys import CROSS_ATTENTION
from ablations.studies.study import Evaluation, Setting, Study, Variation

# Every layer's masks are looked at both as segmentations and as proposals: Figure 3 reads the same evaluation.
EVERY_LAYER = Evaluation({"model.type": "LayerInspector", "val_evaluator": Setting("evaluators.layers")})

FIGURE_II = Study(
    table="figII",
    title="Panoptic quality after each decoder layer",
    baseline="masked attention",
    tasks=("panoptic",),
    note="The paper plots PQ without numbers and says: masked attention with one layer already outperforms "
    "cross-attention with all nine. Layer 0 is the prediction of the learnable queries, before any layer.",
    metric={"panoptic": "PQ_layer"},
    evaluation=EVERY_LAYER,
    variations=(
        Variation("cross-attention", {CROSS_ATTENTION: "CrossAttention"}, reason="Section C.2."),
        Variation("masked attention", {}, reason="Section C.2."),
    ),
)

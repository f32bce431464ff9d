"""Table 5: masks or sampled points in matching and in training."""

from ablations.studies.keys import ALL_TASKS, MATCH_ON, TRAIN_ON
from ablations.studies.study import Study, Variation

MASKS = (
    "Whole masks as MaskFormer has them, with this paper's mask losses and weights; of those the paper says nothing."
)

TABLE_5 = Study(
    table="5",
    title="Matching and training on masks or points",
    baseline="matching point, training point",
    tasks=ALL_TASKS,
    variations=(
        Variation(
            "matching mask, training mask",
            {MATCH_ON: "masks", TRAIN_ON: "masks"},
            provenance="inferred",
            reason=MASKS,
        ),
        Variation("matching mask, training point", {MATCH_ON: "masks"}, provenance="inferred", reason=MASKS),
        Variation("matching point, training mask", {TRAIN_ON: "masks"}, provenance="inferred", reason=MASKS),
        Variation("matching point, training point", {}, reason="Section 3.3: the paper's own design."),
    ),
)

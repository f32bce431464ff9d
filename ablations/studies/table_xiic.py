"""Table XII(c): MaskFormer with its own training parameters and with this paper's."""

from ablations.studies.keys import ALL_TASKS, MASKFORMER, MASKFORMER_TRAINING
from ablations.studies.study import Study, Variation

TABLE_XIIC = Study(
    table="XIIc",
    title="MaskFormer's training parameters",
    baseline="MaskFormer training params",
    tasks=ALL_TASKS,
    note="Weight decay, epochs, augmentation, loss weights and whole masks are those of Table XII(a); the learning "
    "rate is the scale's in both rows.",
    variations=(
        Variation(
            "MaskFormer training params",
            {**MASKFORMER, **MASKFORMER_TRAINING},
            provenance="inferred",
            reason="Tables XII(a) and XII(b); the steps of the learning rate, which the paper does not give for it, "
            "fall at the same shares of the schedule.",
            method="MaskFormer",
        ),
        Variation(
            "Mask2Former training params",
            MASKFORMER,
            reason="Table XII(b): MaskFormer's decoder on its FPN.",
            method="MaskFormer",
        ),
    ),
)

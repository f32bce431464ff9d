"""Table XII(c): MaskFormer with its own training parameters and with this paper's."""

from ablations.studies.keys import ALL_TASKS, MASKFORMER, MASKFORMER_TRAINING, trained_for_table_xii
from ablations.studies.study import Study, Variation

TABLE_XIIC = Study(
    table="XIIc",
    title="MaskFormer's training parameters",
    baseline="MaskFormer training params",
    tasks=ALL_TASKS,
    note="Weight decay, epochs, augmentation, loss weights and whole masks are those of Table XII(a); the learning "
    "rate is the scale's in both rows, and its one drop after two thirds that of MaskFormer's configs.",
    variations=(
        Variation(
            "MaskFormer training params",
            {**MASKFORMER, **MASKFORMER_TRAINING, **trained_for_table_xii("maskformer")},
            provenance="inferred",
            reason="Tables XII(a) and XII(b), and its authors' configs for the same printed numbers: an FPN with "
            "encoder layers on COCO, without them on ADE20K.",
            method="MaskFormer",
        ),
        Variation(
            "Mask2Former training params",
            {**MASKFORMER, **trained_for_table_xii("mask2former")},
            provenance="inferred",
            reason="Table XII(b) gives MaskFormer's decoder and dropout; its FPN is that of the row above.",
            method="MaskFormer",
        ),
    ),
)

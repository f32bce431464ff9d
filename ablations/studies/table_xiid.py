"""Table XII(d): MaskFormer's transformer decoder against this paper's, on one FPN."""

from ablations.studies.keys import ALL_TASKS, MASKFORMER, PIXEL_DECODER, trained_for_table_xii
from ablations.studies.study import Study, Variation

TABLE_XIID = Study(
    table="XIId",
    title="Transformer decoder on one FPN",
    baseline="MaskFormer decoder, FPN",
    tasks=ALL_TASKS,
    note="On ADE20K MaskFormer's FPN has no encoder layers, as in its authors' config and Table V; the row of this "
    "paper's decoder is that of Table 4(e), which has them.",
    variations=(
        Variation(
            "MaskFormer decoder, FPN",
            {**MASKFORMER, **trained_for_table_xii("mask2former")},
            provenance="inferred",
            reason="Table XII(b) gives MaskFormer's decoder; that its FPN is the one of Table XII(c), the same printed "
            "numbers tell.",
            method="MaskFormer",
        ),
        Variation(
            "Mask2Former decoder, FPN",
            {PIXEL_DECODER: "TransformerEncoderFPN", **trained_for_table_xii("mask2former")},
            provenance="inferred",
            reason="The FPN row of Table 4(e), whose numbers are the same.",
        ),
    ),
)

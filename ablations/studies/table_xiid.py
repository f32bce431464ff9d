"""Table XII(d): MaskFormer's transformer decoder against this paper's, on one FPN."""

from ablations.studies.keys import ALL_TASKS, MASKFORMER, PIXEL_DECODER
from ablations.studies.study import Study, Variation

TABLE_XIID = Study(
    table="XIId",
    title="Transformer decoder on one FPN",
    baseline="MaskFormer decoder, FPN",
    tasks=ALL_TASKS,
    variations=(
        Variation(
            "MaskFormer decoder, FPN",
            MASKFORMER,
            reason="Table XII(b): MaskFormer's decoder on its FPN.",
            method="MaskFormer",
        ),
        Variation(
            "Mask2Former decoder, FPN",
            {PIXEL_DECODER: "TransformerEncoderFPN"},
            provenance="inferred",
            reason="The FPN row of Table 4(e), whose numbers are the same.",
        ),
    ),
)

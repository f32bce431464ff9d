"""Table 4(d): which resolutions the decoder's layers read."""

from ablations.studies.keys import ALL_TASKS, READS
from ablations.studies.study import Study, Variation

SINGLE = (
    "Every layer reads this scale; its {} GFLOPs say that the pixel decoder is unchanged. Without a level embedding, "
    "which tells nothing apart where there is one level."
)

TABLE_4D = Study(
    table="4d",
    title="Feature resolution",
    baseline="efficient m.s. (3 scales)",
    tasks=ALL_TASKS,
    variations=(
        Variation("single scale 1/32", {READS: [[32]]}, provenance="inferred", reason=SINGLE.format(218)),
        Variation("single scale 1/16", {READS: [[16]]}, provenance="inferred", reason=SINGLE.format(222)),
        Variation("single scale 1/8", {READS: [[8]]}, provenance="inferred", reason=SINGLE.format(239)),
        Variation(
            "naive m.s. (3 scales)",
            {READS: [[32, 16, 8]]},
            reason="Its 247 GFLOPs and the caption: all three scales concatenated in every layer.",
        ),
        Variation(
            "efficient m.s. (3 scales)", {}, reason="Section 3.2.2: one scale a layer, in turn, the paper's own design."
        ),
    ),
)

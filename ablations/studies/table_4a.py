"""Table 4(a): masked attention and high-resolution features."""

from ablations.studies.keys import ALL_TASKS, CROSS_ATTENTION, READS
from ablations.studies.study import Study, Variation

TABLE_4A = Study(
    table="4a",
    title="Masked attention and high-resolution features",
    baseline="baseline",
    tasks=ALL_TASKS,
    variations=(
        Variation("baseline", {}, reason="Section 4.1: the paper's own model."),
        Variation(
            "- masked attention",
            {CROSS_ATTENTION: "CrossAttention"},
            reason="Equation (1): masked attention without its mask; the numbers are those of Table 4(c).",
        ),
        Variation(
            "- high-resolution features",
            {READS: [[32]]},
            provenance="inferred",
            reason="Every layer reads 1/32 alone: Table 4(d) prints the same numbers for that row.",
        ),
    ),
)

"""Table 4(b): the three improvements of the decoder that cost nothing."""

from ablations.studies.keys import ALL_TASKS, CROSS_ATTENTION_FIRST, DROPOUT, QUERIES
from ablations.studies.study import Study, Variation

TABLE_4B = Study(
    table="4b",
    title="Optimisation improvements of the decoder",
    baseline="baseline",
    tasks=ALL_TASKS,
    variations=(
        Variation("baseline", {}, reason="Section 4.1: the paper's own model."),
        Variation(
            "- learnable query features",
            {QUERIES: "ZeroQueries"},
            provenance="inferred",
            reason="Zero-initialised, as in DETR: Table XI(b) prints the same AP and PQ for that. That the first "
            "layer still sees their mask is told by the 226 GFLOPs.",
        ),
        Variation(
            "- cross-attention first",
            {CROSS_ATTENTION_FIRST: False},
            reason="Section 3.2.3: self-attention before cross-attention, the standard order.",
        ),
        Variation(
            "- remove dropout",
            {DROPOUT: 0.1},
            provenance="inferred",
            reason="Table XII(b) names 0.1 as the decoder's dropout; it acts where DETR's and the reference's layers "
            "have it.",
        ),
        Variation(
            "- all 3 components above",
            {QUERIES: "ZeroQueries", CROSS_ATTENTION_FIRST: False, DROPOUT: 0.1},
            provenance="inferred",
            reason="The three rows above together.",
        ),
    ),
)

"""Table XI(b): what query features start from, and whether they are supervised."""

from ablations.studies.keys import ALL_TASKS, QUERIES, SUPERVISED_QUERIES
from ablations.studies.study import Study, Variation

TABLE_XIB = Study(
    table="XIb",
    title="Learnable queries",
    baseline="learnable w/ supervision",
    tasks=ALL_TASKS,
    variations=(
        Variation(
            "zero-initialized",
            {QUERIES: "ZeroQueries"},
            provenance="inferred",
            reason="Section C.3: features start from zero, as in DETR. That the first layer still sees their mask is "
            "told by the 226 GFLOPs.",
        ),
        Variation(
            "learnable w/o supervision",
            {SUPERVISED_QUERIES: False},
            provenance="inferred",
            reason="Section C.3: no loss on the features' own prediction, which still steers the first layer, as the "
            "226 GFLOPs tell.",
        ),
        Variation("learnable w/ supervision", {}, reason="Section 3.2.3: the paper's own design."),
    ),
)

"""Table XI(a): the number of queries."""

from ablations.studies.keys import ALL_TASKS, QUERY_COUNT
from ablations.studies.study import Study, Times, Variation

EXACT = "Table XI(a): the number is all that changes."

TABLE_XIA = Study(
    table="XIa",
    title="Number of queries",
    baseline="100 queries",
    tasks=ALL_TASKS,
    note="Numbers are in proportion to the scale's own: at mini and smoke, where 30 queries stand for 100, the rows "
    "have 15, 30, 60, 90 and 300.",
    variations=(
        Variation("50 queries", {QUERY_COUNT: Times(0.5)}, reason=EXACT),
        Variation("100 queries", {}, reason="Section 4.1: the paper's own number."),
        Variation("200 queries", {QUERY_COUNT: Times(2)}, reason=EXACT),
        Variation("300 queries", {QUERY_COUNT: Times(3)}, reason=EXACT),
        Variation("1000 queries", {QUERY_COUNT: Times(10)}, reason=EXACT),
    ),
)

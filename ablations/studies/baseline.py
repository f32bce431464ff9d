"""One config as it is: no table of the paper, but the way to train a config of one's own."""

from ablations.studies.keys import ALL_TASKS
from ablations.studies.study import Study, Variation

BASELINE = Study(
    table="baseline",
    title="One config as it is",
    baseline="baseline",
    tasks=ALL_TASKS,
    variations=(Variation("baseline", {}, reason="The scale's own config, unchanged."),),
)

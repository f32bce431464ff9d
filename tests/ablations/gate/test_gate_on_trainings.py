"""The gate on real trainings, of `mini` as it was with 300 iterations: seeds alone are not flagged, losses are."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow
from ablations.gate.measured import read_evidence
from ablations.gate.regression import find_changes

TRAININGS = Path(__file__).with_name("mini_of_300_iterations.csv")
SEEDS = range(5)
# Every way to part five seeds in two and three, each of the two parts once the baseline: twenty checks.
BASELINE_SEEDS = [*combinations(SEEDS, 2), *combinations(SEEDS, 3)]
MASKED = TableRow("4c", "mini", "panoptic", "masked attention")


@pytest.fixture(scope="module")
def reference():
    return read_evidence(TRAININGS).evidence


def resampled(reference, baseline_seeds):
    """Two sweeps that share no draw.

    Rows of several seeds are parted by seed. A row of one seed keeps it in the baseline; its new value is another draw:
    the old one, less the residual of a seed of some other row, plus that of another seed of that row.
    """
    generator = np.random.default_rng(baseline_seeds)
    several = {key: values for key, values in reference.metrics.items() if len(values) > 1}
    old, new = {}, {}
    for key, values in reference.metrics.items():
        if key in several:
            parts = ({s: v for s, v in values.items() if (s in baseline_seeds) == kept} for kept in (True, False))
            old[key], new[key] = parts
            continue
        donors = [of_row for other, of_row in several.items() if alike(key, other)]
        if donors:
            donor = donors[generator.integers(len(donors))]
            before, after = generator.choice([*donor.values()], 2, replace=False)
            (value,) = values.values()
            old[key], new[key] = {0: value}, {5: max(value - before + after, 0.0)}
    return tuple(Evidence({key: values for key, values in side.items() if values}) for side in (old, new))


def alike(key, other):
    """Whether seeds may be expected to differ by as much: MaskFormer's differ by 40 PQ."""
    return kind(key) == kind(other)


def kind(key):
    return key[0].task, key[1], "MaskFormer" in key[0].variant


@pytest.mark.parametrize("baseline_seeds", BASELINE_SEEDS, ids=str)
def test_seed_noise_is_not_flagged(reference, baseline_seeds):
    old, new = resampled(reference, baseline_seeds)
    findings = find_changes(BaselineFile(old), new)
    tested = [of for of in findings if of.chance is not None]
    assert len(tested) > 100
    assert {of.row.table for of in tested} >= {"4a", "4b", "4c", "4d", "5", "XIa", "XIb", "figIII", "figIV"}
    assert [(str(of.row), of.name, of.chance) for of in findings if of.verdict == "regressed"] == []


@pytest.mark.parametrize("baseline_seeds", BASELINE_SEEDS, ids=str)
@pytest.mark.parametrize("table", ["4a", "4c", "4e", "Ib", "XIId", "fig3"])
def test_seed_noise_is_not_flagged_in_a_table_alone(reference, table, baseline_seeds):
    """Fewer comparisons, so that less is needed."""
    old, new = resampled(reference, baseline_seeds)
    of_table = Evidence({key: values for key, values in new.metrics.items() if key[0].table == table})
    if of_table.rows & old.rows:
        findings = find_changes(BaselineFile(old), of_table)
        assert [(str(of.row), of.name, of.chance) for of in findings if of.verdict == "regressed"] == []


@pytest.mark.parametrize("baseline_seeds", [*combinations(SEEDS, 3), *combinations(SEEDS, 4)], ids=str)
def test_a_drop_of_ten_is_flagged(reference, baseline_seeds):
    """A fifth of masked attention's PQ, when Table 4(c) is run with two seeds, or with one for four in the baseline."""
    old, new = resampled(reference, baseline_seeds)
    of_table = {key: values for key, values in new.metrics.items() if key[0].block == MASKED.block}
    dropped = {seed: value - 10 for seed, value in new.metrics[MASKED, "PQ"].items()}
    findings = find_changes(BaselineFile(old), Evidence({**of_table, (MASKED, "PQ"): dropped}))
    assert [(of.row, of.name) for of in findings if of.verdict == "regressed"] == [(MASKED, "PQ")]


@pytest.mark.parametrize(
    ("table", "better", "worse"),
    [("4c", "masked attention", "cross-attention"), ("4a", "baseline", "- high-resolution features")],
)
def test_a_lost_part_is_flagged(reference, table, better, worse):
    """The mask, or the resolutions, are lost without a word: the row comes out as the one without them."""
    row = TableRow(table, "mini", "panoptic", better)
    lost = {key: reference.metrics[row._replace(variant=worse), key[1]] for key in reference.metrics if key[0] == row}
    findings = find_changes(BaselineFile(reference), Evidence({**reference.metrics, **lost}))
    assert "PQ" in {of.name for of in findings if of.verdict == "regressed"}
    assert {of.row for of in findings if of.verdict != "same"} == {row}

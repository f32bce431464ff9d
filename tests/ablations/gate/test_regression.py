from dataclasses import replace

import numpy as np
import pytest

from ablations.gate.baseline_file import BaselineFile, Evidence, Speed, TableRow
from ablations.gate.regression import ERROR_RATE, NO_MACHINE, SPEED, find_changes, require_tested
from m2f.errors import InputError

ROWS = [
    TableRow("4c", "mini", "panoptic", name) for name in ("masked attention", "SMCA", "mask pooling", "cross-attention")
]
MASKED, SMCA = ROWS[:2]
OLD = {0: 48.5, 1: 47.2, 2: 49.3, 3: 48.1, 4: 47.9}


def evidence(values, metric="PQ", **rest):
    """Evidence of one metric; ``values`` by row."""
    return Evidence(metrics={(row, metric): of_row for row, of_row in values.items()}, **rest)


def lower(values, by, first_seed=5):
    """New seeds of the same spread, lower."""
    return {first_seed + seed: value - by for seed, value in values.items()}


def verdicts(baseline, sweep, **options):
    return {(of.row, of.name): of.verdict for of in find_changes(BaselineFile(baseline, **options), sweep)}


@pytest.mark.parametrize(("by", "verdict"), [(0.0, "same"), (6.0, "regressed"), (-6.0, "improved")])
def test_a_metric_is_tested_against_the_spread(by, verdict):
    (found,) = find_changes(BaselineFile(evidence({MASKED: OLD})), evidence({MASKED: lower(OLD, by)}))
    assert found.verdict == verdict
    assert found.primary
    assert found.difference == pytest.approx(-by)
    assert (abs(found.difference) > found.visible) == (verdict != "same")


def test_visible_is_where_the_verdict_turns():
    (found,) = find_changes(BaselineFile(evidence({MASKED: OLD})), evidence({MASKED: lower(OLD, 1.0)}))
    for by, verdict in ((found.visible - 0.01, "same"), (found.visible + 0.01, "regressed")):
        assert verdicts(evidence({MASKED: OLD}), evidence({MASKED: lower(OLD, by)})) == {(MASKED, "PQ"): verdict}


def test_the_same_seeds_with_the_same_values_are_no_test():
    """A sweep repeated on the same machine, of fewer seeds: equal, however the seeds lie."""
    (found,) = find_changes(BaselineFile(evidence({MASKED: OLD})), evidence({MASKED: {1: OLD[1]}}))
    assert (found.verdict, found.chance, found.reason) == ("same", None, "the same seeds gave the same values")


def test_repeated_rows_do_not_blunt_the_others():
    """The more comparisons, the larger a change must be; rows that came out the same are none."""
    repeated = find_changes(
        BaselineFile(evidence(dict.fromkeys(ROWS, OLD))), evidence({**dict.fromkeys(ROWS, OLD), SMCA: {9: 42}})
    )
    alone = find_changes(BaselineFile(evidence({SMCA: OLD})), evidence({SMCA: {9: 42}}))
    of_smca = next(of for of in repeated if of.row == SMCA)
    assert of_smca.visible == pytest.approx(alone[0].visible, rel=0.2)


def test_a_run_of_several_tables_is_tested_once():
    twins = [MASKED, MASKED._replace(table="4a", variant="baseline")]
    new = lower(OLD, 1.0)
    both = find_changes(BaselineFile(evidence(dict.fromkeys(twins, OLD))), evidence(dict.fromkeys(twins, new)))
    one = find_changes(BaselineFile(evidence({MASKED: OLD})), evidence({MASKED: new}))
    assert {of.visible for of in both} == {one[0].visible}


def test_one_seed_each_is_tested_by_the_other_rows_spread():
    single = {MASKED: {0: 48.0}, SMCA: OLD}
    assert verdicts(evidence(single), evidence({MASKED: {1: 47.0}}))[MASKED, "PQ"] == "same"
    assert verdicts(evidence(single), evidence({MASKED: {1: 18.0}}))[MASKED, "PQ"] == "regressed"


def test_nothing_to_test_by_is_bad_input_unless_a_tolerance_is_given():
    old, new = evidence({MASKED: {0: 48.0}}), evidence({MASKED: {0: 47.0}})
    findings = find_changes(BaselineFile(old), new)
    assert findings[0].verdict == "untested"
    with pytest.raises(InputError, match=r"4c masked attention .*, PQ: .*'tolerances'"):
        require_tested(findings)
    for tolerance, verdict in ((1.0, "same"), (0.5, "regressed")):
        held = find_changes(BaselineFile(old, {"PQ": tolerance}), new)
        assert held[0].verdict == verdict
        require_tested(held)


def test_a_tolerance_is_about_the_seeds_that_both_have():
    old, new = evidence({MASKED: {0: 40.0, 1: 50.0}}), evidence({MASKED: {0: 40.5}})
    assert verdicts(old, new, tolerances={"PQ": 1.0}) == {(MASKED, "PQ"): "same"}
    others = evidence({MASKED: {7: 42.0}})
    assert verdicts(old, others, tolerances={"PQ": 1.0}) == {(MASKED, "PQ"): "regressed"}


@pytest.mark.parametrize(
    ("metric", "higher", "lower"), [("PQ", "improved", "regressed"), ("bg_avg", "regressed", "improved")]
)
def test_a_metric_has_its_direction(metric, higher, lower):
    for change, verdict in ((2.0, higher), (-2.0, lower)):
        old, new = evidence({MASKED: {0: 40.0}}, metric), evidence({MASKED: {0: 40.0 + change}}, metric)
        assert verdicts(old, new, tolerances={metric: 1.0}) == {(MASKED, metric): verdict}


def test_a_lower_loss_after_the_same_steps_is_a_change():
    old, new = evidence({MASKED: {0: 40.0}}, "loss_first"), evidence({MASKED: {0: 39.0}}, "loss_first")
    assert verdicts(old, new, tolerances={"loss_first": 0.5}) == {(MASKED, "loss_first"): "changed"}
    assert verdicts(new, old, tolerances={"loss_first": 0.5}) == {(MASKED, "loss_first"): "regressed"}


def test_a_detail_needs_more_than_one_seed():
    """SQ loses much with one seed that never finds a class, which is noise; PQ is what the table is about."""
    old = evidence({MASKED: {0: 78.2, 1: 77.9, 2: 78.0, 3: 78.1}}, "SQ")
    assert verdicts(old, evidence({MASKED: {5: 65.0}}, "SQ"))[MASKED, "SQ"] == "untested"
    assert verdicts(evidence({MASKED: {5: 65.0}}, "SQ"), old)[MASKED, "SQ"] == "untested"
    assert verdicts(old, evidence({MASKED: {5: 65.0, 6: 78.0}}, "SQ"))[MASKED, "SQ"] == "same"
    assert verdicts(old, evidence({MASKED: {5: 65.0, 6: 65.2}}, "SQ"))[MASKED, "SQ"] == "regressed"
    require_tested(find_changes(BaselineFile(old), evidence({MASKED: {5: 65.0}}, "SQ")))


def test_details_leave_half_of_the_error_rate_to_the_tables_metric():
    names = [f"detail {number}" for number in range(200)]
    seeds = {(MASKED, name): {seed: value + 100 for seed, value in OLD.items()} for name in names}
    old, new = evidence({MASKED: OLD}), evidence({MASKED: lower(OLD, 1.0)})
    found = find_changes(
        BaselineFile(replace(old, metrics={**old.metrics, **seeds})),
        replace(new, metrics={**new.metrics, **{key: lower(values, 1.0) for key, values in seeds.items()}}),
    )
    alone = find_changes(BaselineFile(old), new)[0].visible
    assert alone < next(of for of in found if of.primary).visible < 1.25 * alone


def test_what_one_side_lacks():
    old = evidence({MASKED: OLD, SMCA: OLD}, costs={SMCA: {"params": 1.0}})
    new = evidence({MASKED: OLD, ROWS[2]: OLD}, costs={MASKED: {"params": 1.0}})
    assert verdicts(old, new) == {
        (MASKED, "PQ"): "same",
        (SMCA, "PQ"): "missing",
        (ROWS[2], "PQ"): "new",
        (SMCA, "params"): "missing",
        (MASKED, "params"): "new",
    }


def test_nothing_in_common_is_bad_input():
    with pytest.raises(InputError, match=r"4c masked attention \(panoptic, mini\) there, 4c SMCA"):
        find_changes(BaselineFile(evidence({MASKED: OLD})), evidence({SMCA: OLD}))


@pytest.mark.parametrize(("flops", "verdict"), [(0.25, "same"), (0.250000001, "changed"), (0.2, "changed")])
def test_costs_are_exact(flops, verdict):
    old = evidence({MASKED: OLD}, costs={MASKED: {"flops": 0.25, "params": 1.5}})
    new = evidence({MASKED: OLD}, costs={MASKED: {"flops": flops, "params": 1.5}})
    found = verdicts(old, new)
    assert (found[MASKED, "flops"], found[MASKED, "params"]) == (verdict, "same")


def test_a_results_frame_has_no_costs_to_miss():
    assert verdicts(evidence({MASKED: OLD}, costs={MASKED: {"flops": 0.25}}), evidence({MASKED: OLD})) == {
        (MASKED, "PQ"): "same"
    }


@pytest.mark.parametrize(("seconds", "verdict"), [(1.9, "same"), (2.1, "regressed"), (0.4, "improved")])
def test_speed_is_a_ratio_to_the_tables_baseline_row(seconds, verdict):
    """Another machine, twice as fast: its seconds are others, the ratio is not."""
    old = evidence(dict.fromkeys(ROWS, OLD), speeds={MASKED: Speed(1.0), SMCA: Speed(1.2, 1.2)})
    new = evidence(
        dict.fromkeys(ROWS, OLD), speeds={MASKED: Speed(0.5), SMCA: Speed(0.5 * 1.2 * seconds, 1.2 * seconds)}
    )
    found = verdicts(old, new, speed_factor=2.0)
    assert (found[SMCA, SPEED], found[MASKED, SPEED]) == (verdict, "untested")
    assert SPEED not in {name for _, name in verdicts(old, new, speed_factor=None)}


@pytest.mark.parametrize(("old", "new"), [(None, 3.0), (1.2, None)])
def test_the_seconds_of_two_machines_are_not_compared(old, new):
    sides = [evidence({SMCA: OLD}, speeds={SMCA: Speed(1.0, ratio)}) for ratio in (old, new)]
    (found,) = (of for of in find_changes(BaselineFile(sides[0]), sides[1]) if of.name == SPEED)
    assert (found.verdict, found.reason) == ("untested", NO_MACHINE)


def test_a_table_of_ones_own_is_compared_by_its_tasks_metric():
    row = TableRow("mine", "mini", "semantic", "soft masks")
    (found,) = find_changes(BaselineFile(evidence({row: OLD}, "mIoU")), evidence({row: lower(OLD, 10)}, "mIoU"))
    assert (found.primary, found.verdict) == (True, "regressed")


@pytest.mark.parametrize("draw", ["normal", "heavy"])
def test_noise_is_told_from_a_change_as_rarely_as_it_says(draw):
    """300 checks of a table whose rows differ in spread by a factor of ten, with three new seeds for five old ones."""
    generator = np.random.default_rng(1)
    flagged = 0
    for _ in range(300):
        spread = {row: generator.choice([0.3, 0.8, 1.3, 3.7]) for row in ROWS}
        sides = [
            evidence({row: {seed: 48 + spread[row] * noise(generator, draw) for seed in seeds} for row in ROWS})
            for seeds in (range(5), range(5, 8))
        ]
        flagged += "regressed" in verdicts(*sides).values()
    # The binomial's 99.9% bound; heavy tails are given twice the rate.
    assert flagged <= {"normal": 10, "heavy": 15}[draw]
    assert ERROR_RATE * 300 == 3


def noise(generator, draw):
    return generator.normal() if draw == "normal" else generator.standard_t(3) / np.sqrt(3)

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ablations.comparing.beside_paper import COLUMNS, comparison_frame
from ablations.studies.study import Study, Variation
from m2f.errors import InputError

STUDY = Study(
    table="4c",
    title="cross-attention",
    baseline="masked attention",
    variations=(
        Variation("plain", {}, paper_row="cross-attention", provenance="exact", reason="section 3"),
        Variation("masked attention", {}, paper_row="masked attention", provenance="exact", reason="section 3"),
        Variation("new design", {}, paper_row="new design", provenance="unspecified", reason="not in the paper"),
    ),
    tasks=("panoptic", "semantic"),
)


def paper_frame(*extra):
    rows = [
        ("4c", "Mask2Former", "R50", "cross-attention", "coco", "val2017", "panoptic", "PQ", 47.1),
        ("4c", "Mask2Former", "R50", "masked attention", "coco", "val2017", "panoptic", "PQ", 51.9),
        ("4c", "Mask2Former", "R50", "cross-attention", "ade20k", "val", "semantic", "mIoU", 45.5),
        ("4c", "Mask2Former", "R50", "masked attention", "ade20k", "val", "semantic", "mIoU", 47.2),
        ("4c", "Mask2Former", "R50", "masked attention", "coco", "val2017", "panoptic", "flops", 226),
        ("4e", "Mask2Former", "R50", "cross-attention", "coco", "val2017", "panoptic", "PQ", 1.0),
        *extra,
    ]
    columns = ["table", "method", "backbone", "variant", "dataset", "split", "task", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def results_frame(values, table="4c", scale="mini"):
    """`values` maps (variant, task, metric, seed) to a value."""
    rows = [
        {
            "table": table,
            "variant": variant,
            "method": "Mask2Former",
            "backbone": "R50",
            "dataset": "scenes",
            "split": "val2017",
            "task": task,
            "scale": scale,
            "seed": seed,
            "metric": metric,
            "value": value,
            "unit": "percent",
            "run": f"{variant}-{task}-{seed}",
        }
        for (variant, task, metric, seed), value in values.items()
    ]
    return pd.DataFrame(rows)


PANOPTIC = {
    ("plain", "panoptic", "PQ", 0): 40.0,
    ("plain", "panoptic", "PQ", 1): 42.0,
    ("masked attention", "panoptic", "PQ", 0): 50.0,
    ("masked attention", "panoptic", "PQ", 1): 52.5,
    ("masked attention", "panoptic", "PQ", 2): 60.0,
    ("masked attention", "panoptic", "SQ", 2): 80.0,
}


def row(frame, variant, task="panoptic", metric="PQ"):
    rows = frame[(frame["variant"] == variant) & (frame["task"] == task) & (frame["metric"] == metric)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_numbers_by_hand():
    frame = comparison_frame(results_frame(PANOPTIC), paper_frame(), [STUDY], "mini")
    assert list(frame.columns) == COLUMNS
    plain, baseline = row(frame, "plain"), row(frame, "masked attention")
    # Two values 2 apart: standard error 1, t(0.975, 1) = 12.7062.
    assert (plain["ours"], plain["n"], plain["seeds"]) == (41, 2, "0 1")
    assert plain["high"] == pytest.approx(41 + 12.7062, abs=1e-3)
    assert plain["paper"] == 47.1 and plain["paper_difference"] == pytest.approx(-4.8)
    # Paired over seeds 0 and 1 only: differences -10 and -10.5, standard error 0.25.
    assert plain["difference"] == pytest.approx(-10.25) and plain["pairs"] == 2
    assert plain["difference_low"] == pytest.approx(-10.25 - 0.25 * 12.7062, abs=1e-3)
    assert plain["verdict"] == "reproduced"
    assert (baseline["verdict"], baseline["n"], baseline["difference"]) == ("baseline", 3, 0)


def test_every_row_of_the_study_is_there_in_its_order_run_or_not():
    frame = comparison_frame(results_frame(PANOPTIC), paper_frame(), [STUDY], "mini")
    assert list(frame["variant"]) == 2 * ["plain", "masked attention", "new design"]
    assert list(frame["metric"]) == 3 * ["PQ"] + 3 * ["mIoU"]
    absent = row(frame, "plain", "semantic", "mIoU")
    assert absent["paper"] == 45.5 and absent["n"] == 0 and absent["seeds"] == ""
    assert math.isnan(absent["ours"]) and math.isnan(absent["difference"]) and absent["verdict"] == "not run"


def test_a_design_the_paper_has_not_is_judged_beside_its_baseline():
    values = {**PANOPTIC, ("new design", "panoptic", "PQ", 0): 60.0, ("new design", "panoptic", "PQ", 1): 62.4}
    new = row(comparison_frame(results_frame(values), paper_frame(), [STUDY], "mini"), "new design")
    assert math.isnan(new["paper"]) and new["difference"] == pytest.approx(9.95)
    assert new["verdict"] == "above the baseline" and new["provenance"] == "unspecified"
    assert 0 < new["visible"] < 9.95


def test_rows_without_a_number_of_the_paper_are_no_tests_of_the_family_that_has_them():
    rng = np.random.default_rng(0)
    added = {f"own {number}": rng.normal(50, 1, 2) for number in range(20)}
    study = replace(STUDY, variations=(*STUDY.variations, *(Variation(name, {}) for name in added)))
    values = {(name, "panoptic", "PQ", seed): value for name, of in added.items() for seed, value in enumerate(of)}
    few = comparison_frame(results_frame(PANOPTIC), paper_frame(), [STUDY], "mini")
    many = comparison_frame(results_frame({**PANOPTIC, **values}), paper_frame(), [study], "mini")
    assert set(many.loc[many["variant"].isin(list(added)) & (many["task"] == "panoptic"), "n"]) == {2}
    assert row(many, "plain")["verdict"] == row(few, "plain")["verdict"] == "reproduced"
    # Its level is the whole error rate still: of the paper's differences it is the only one that was run.
    width = (row(many, "plain")["difference_high"] - row(many, "plain")["difference"]) / row(many, "plain")["visible"]
    assert width == pytest.approx(1.0)


def test_other_tables_and_scales_are_left_alone():
    other = pd.concat(
        [
            results_frame(PANOPTIC, scale="smoke"),
            results_frame(PANOPTIC, table="4e"),
            results_frame(PANOPTIC),
        ]
    )
    expected = comparison_frame(results_frame(PANOPTIC), paper_frame(), [STUDY], "mini")
    pd.testing.assert_frame_equal(comparison_frame(other, paper_frame(), [STUDY], "mini"), expected)


def test_a_further_metric_of_the_paper_makes_rows_and_an_undefined_value_is_no_value():
    extra = ("4c", "Mask2Former", "R50", "masked attention", "coco", "val2017", "panoptic", "SQ", 83.0)
    values = {**PANOPTIC, ("masked attention", "panoptic", "SQ", 0): math.nan}
    frame = comparison_frame(results_frame(values), paper_frame(extra), [STUDY], "mini")
    quality = row(frame, "masked attention", metric="SQ")
    assert (quality["paper"], quality["ours"], quality["n"], quality["seeds"]) == (83.0, 80.0, 1, "2")
    assert math.isnan(quality["low"])


def test_two_different_runs_of_one_row_and_seed_are_refused():
    results = results_frame(PANOPTIC)
    twice = pd.concat([results, results.assign(run=results["run"] + "-changed")])
    with pytest.raises(
        InputError, match=r"4c 'masked attention' \(panoptic, mini\), seed 0: .*masked attention-panoptic-0-changed"
    ):
        comparison_frame(twice, paper_frame(), [STUDY], "mini")


def test_a_row_is_held_against_the_paper_s_row_of_its_own_method_and_backbone():
    """Table XII(d) has a row of each method; other methods and backbones may have rows of the same name."""
    study = Study(
        table="4c",
        title="decoders",
        baseline="old",
        variations=(
            Variation("old", {}, paper_row="decoder", method="MaskFormer"),
            Variation("new", {}, paper_row="decoder"),
            Variation("large", {}, paper_row="decoder", backbone="R101"),
        ),
        tasks=("panoptic",),
    )
    extra = [
        ("4c", method, backbone, "decoder", "coco", "val2017", "panoptic", "PQ", value)
        for method, backbone, value in (
            ("MaskFormer", "R50", 48.2),
            ("Mask2Former", "R50", 50.7),
            ("other", "R50", 1.0),
        )
    ]
    frame = comparison_frame(results_frame(PANOPTIC), paper_frame(*extra), [study], "mini")
    assert [row(frame, name)["paper"] for name in ("old", "new")] == [48.2, 50.7]
    assert math.isnan(row(frame, "large")["paper"])
    assert row(frame, "new")["paper_difference"] == pytest.approx(2.5)


def test_two_numbers_of_the_paper_for_one_row_are_refused():
    twice = ("4c", "Mask2Former", "R50", "masked attention", "coco", "test-dev", "panoptic", "PQ", 52.0)
    with pytest.raises(ValueError, match="several numbers for masked attention, panoptic, PQ"):
        comparison_frame(results_frame(PANOPTIC), paper_frame(twice), [STUDY], "mini")


def test_a_study_s_own_metric_comes_first_and_names_its_unit():
    study = replace(STUDY, metric={"panoptic": "fg_avg"})
    extra = [
        ("4c", "Mask2Former", "R50", variant, "coco", "val2017", "panoptic", "fg_avg", value)
        for variant, value in (("cross-attention", 0.2), ("masked attention", 0.59))
    ]
    masses = {(name, "panoptic", "fg_avg", 0): value for name, value in (("plain", 0.25), ("masked attention", 0.5))}
    frame = comparison_frame(results_frame({**PANOPTIC, **masses}), paper_frame(*extra), [study], "mini")
    assert list(dict.fromkeys(frame["metric"])) == ["fg_avg", "PQ", "mIoU"]
    plain = row(frame, "plain", metric="fg_avg")
    assert (plain["difference"], plain["unit"]) == (-0.25, "fraction")
    assert plain["paper_difference"] == pytest.approx(-0.39)
    assert row(frame, "plain")["unit"] == "%"


SECOND = replace(STUDY, table="4e", baseline="masked attention")


def paper_of_two_tables(**second):
    """Table 4(c)'s numbers twice; of the second table those of ``second`` instead, by variant."""
    first = paper_frame()[lambda rows: rows["table"] == "4c"]
    values = first["variant"].map(second).fillna(first["value"])
    return pd.concat([first, first.assign(table="4e", value=values)], ignore_index=True)


def noisy(*variants, seeds=5, shift=-1.0):
    """Rows at a distance from their baseline that one row shows and many do not."""
    offsets = (0.0, 0.4, -0.3, 0.7, -0.6)
    rows = {("masked attention", "panoptic", "PQ", seed): 50.0 for seed in range(seeds)}
    rows |= {
        (name, "panoptic", "PQ", seed): 50.0 + shift + (1 + place / 9) * offsets[(seed + place) % 5]
        for place, name in enumerate(variants)
        for seed in range(seeds)
    }
    return rows


def test_a_row_that_is_one_run_in_two_tables_is_one_test():
    values = noisy("plain")
    once = comparison_frame(results_frame(values), paper_frame(), [STUDY], "mini")
    both = pd.concat([results_frame(values), results_frame(values, table="4e")])
    twice = comparison_frame(both, paper_of_two_tables(), [STUDY, SECOND], "mini")
    shown = ["variant", "difference", "difference_low", "visible", "verdict"]
    for table in ("4c", "4e"):
        of_table = twice[(twice["table"] == table) & (twice["task"] == "panoptic")]
        assert row(of_table, "plain")[shown].tolist() == row(once, "plain")[shown].tolist()


def test_rows_that_are_not_run_yet_are_one_comparison_where_their_runs_will_be_the_same():
    rows = [replace(STUDY.variations[0], overrides={"a": 1}), *STUDY.variations[1:]]
    other = replace(rows[0], name="other", overrides={"a": 2})
    again = [replace(row, name=f"again {row.name}") for row in rows]
    first = replace(STUDY, variations=(*rows, other))
    second = replace(STUDY, table="4e", baseline="again masked attention", variations=tuple(again))
    none = results_frame(PANOPTIC).head(0)

    def names(results, task="panoptic"):
        frame = comparison_frame(results, paper_frame(), [second, first], "mini")
        of_task = frame[(frame["task"] == task) & (frame["metric"] != "SQ")]
        return dict(zip(of_task["table"] + " " + of_task["variant"], of_task["comparison"], strict=True))

    found = names(none)
    assert found["4c plain"] == found["4e again plain"] == "4e again plain"
    assert found["4c other"] == "4c other"
    run = names(results_frame(PANOPTIC))
    assert run["4c plain"] == run["4e again plain"] == "4c plain", "the one that was run"


@pytest.mark.parametrize("paper", [47.1, 51.5], ids=["large", "small"])
@pytest.mark.parametrize("factor", [0.1, 0.6, 1.0, 1.5, 2.0])
def test_runs_of_one_name_have_one_interval_and_one_verdict_in_another_table(paper, factor):
    """Of a table whose differences the paper does not claim; beside many tests of the paper's, of which it is one."""
    later = replace(STUDY, table="S1", variations=STUDY.variations[:2])
    others = [f"other {number}" for number in range(8)]
    first = replace(STUDY, variations=(*STUDY.variations, *(Variation(name, {}) for name in others)))
    values = noisy("plain", *others, shift=0.0)
    values = {key: 50 + (value - 50) * (factor if key[0] == "plain" else 3.0) for key, value in values.items()}
    second = {key: value for key, value in values.items() if key[0] in ("plain", "masked attention")}
    printed = paper_frame(*(("4c", "Mask2Former", "R50", n, "coco", "val", "panoptic", "PQ", 51.0) for n in others))
    printed.loc[(printed["variant"] == "cross-attention") & (printed["task"] == "panoptic"), "value"] = paper
    results = pd.concat([results_frame(values), results_frame(second, table="S1")])
    frame = comparison_frame(results, printed, [first, later], "mini")
    shown = ["ours", "n", "difference", "difference_low", "pairs", "visible", "comparison"]
    one, two = (row(frame[frame["table"] == table], "plain") for table in ("4c", "S1"))
    assert one[shown].tolist() == two[shown].tolist() and one["comparison"] == "4c plain"
    alike = {
        "as small as the paper's": "level with the baseline",
        "below what this can tell": "below what this can tell",
    }
    assert two["verdict"] == alike[one["verdict"]]


def test_what_later_designs_print_takes_no_part_in_what_is_said_of_the_paper():
    """A row whose setting is the same has a printed difference too."""
    later = replace(STUDY, table="S2")
    values = noisy("plain", shift=-0.9)
    alone = comparison_frame(results_frame(values), paper_frame(), [STUDY], "mini")
    wide = results_frame({key: value * 3 for key, value in noisy("new design", shift=-5).items()}, table="S2")
    wide["run"] += " of S2"
    printed = paper_frame(
        *(
            ("S2", "Mask2Former", "R50", variant, "coco", "val2017", "panoptic", "PQ", value)
            for variant, value in (("masked attention", 51.9), ("new design", 53.0))
        )
    )
    both = comparison_frame(pd.concat([results_frame(values), wide]), printed, [STUDY, later], "mini")
    shown = ["difference", "difference_low", "visible", "verdict"]
    assert row(both[both["table"] == "4c"], "plain")[shown].tolist() == row(alone, "plain")[shown].tolist()
    new = row(both[both["table"] == "S2"], "new design")
    assert new["verdict"] in ("below the baseline", "below what this can tell") and new["paper_difference"] > 0


@pytest.mark.parametrize(("level", "verdict"), [(11.0, "as small as the paper's"), (1.0, "below what this can tell")])
def test_beside_a_baseline_that_has_learnt_nothing_no_difference_is_small(level, verdict):
    values = {key: level + (value - 50) / 100 for key, value in noisy("plain", shift=-0.04).items()}
    frame = comparison_frame(
        results_frame(values, table="4e"), paper_of_two_tables(**{"cross-attention": 51.5}), [SECOND], "mini"
    )
    assert row(frame[frame["task"] == "panoptic"], "plain")["verdict"] == verdict


def test_more_tests_at_a_scale_need_more_to_show_and_other_rows_tell_the_spread():
    values = noisy("plain", shift=-0.7)
    alone = row(comparison_frame(results_frame(values), paper_frame(), [STUDY], "mini"), "plain")
    others = results_frame(noisy("plain", shift=0.1), table="4e")
    others["run"] += " of 4e"
    both = comparison_frame(pd.concat([results_frame(values), others]), paper_of_two_tables(), [STUDY, SECOND], "mini")
    beside = row(both[both["table"] == "4c"], "plain")
    assert beside["difference_high"] < alone["difference_high"], "the spread is better known"
    assert beside["visible"] > beside["difference_high"] - beside["difference"], "but more is asked of a verdict"


def test_the_smallest_difference_that_would_have_shown_is_where_the_verdict_turns():
    frame = comparison_frame(results_frame(noisy("plain")), paper_frame(), [STUDY], "mini")
    for factor, verdict in ((1.001, "reproduced"), (0.999, "below what this can tell")):
        values = noisy("plain", shift=-row(frame, "plain")["visible"] * factor + 0.04 * -1)
        found = row(comparison_frame(results_frame(values), paper_frame(), [STUDY], "mini"), "plain")
        assert found["verdict"] == verdict, found["difference"]


def test_a_difference_of_the_paper_s_within_its_own_noise_is_marked():
    frame = comparison_frame(
        results_frame(PANOPTIC), paper_of_two_tables(**{"cross-attention": 51.5}), [SECOND], "mini"
    )
    assert row(frame, "plain")["within_paper_noise"]
    frame = comparison_frame(results_frame(PANOPTIC), paper_frame(), [STUDY], "mini")
    marked = {(r["variant"], r["task"]): r["within_paper_noise"] for r in frame.to_dict("records")}
    assert marked["plain", "semantic"] and not marked["plain", "panoptic"]
    assert not marked["masked attention", "panoptic"] and not marked["new design", "panoptic"]


def test_an_undefined_value_is_no_pair():
    values = {**PANOPTIC, ("plain", "panoptic", "PQ", 2): math.nan}
    expected = comparison_frame(results_frame(PANOPTIC), paper_frame(), [STUDY], "mini")
    pd.testing.assert_frame_equal(comparison_frame(results_frame(values), paper_frame(), [STUDY], "mini"), expected)


def test_the_images_of_one_seed_have_an_interval_where_runs_keep_what_it_takes():
    parts = {
        "plain-panoptic-0": np.tile([[[0.0], [0.0], [0.0], [1.0]], [[0.8], [1.0], [0.0], [0.0]]], (20, 1, 1)),
        "masked attention-panoptic-0": np.tile([[[0.8], [1.0], [0.0], [0.0]]], (40, 1, 1)),
    }
    values = {key: value for key, value in PANOPTIC.items() if key[3] == 0}
    frame = comparison_frame(
        results_frame(values),
        paper_frame(),
        [STUDY],
        "mini",
        lambda run, metric: parts[run] if metric == "PQ" else None,
    )
    plain, baseline = row(frame, "plain"), row(frame, "masked attention")
    # Of 40 drawn images one half is found, give or take 1.96 standard errors: PQ is 0.8 * found / (found + missed / 2).
    low, high = (0.5 + sign * 1.96 * 0.5 / 40**0.5 for sign in (-1, 1))
    assert plain["images_low"] == pytest.approx(80 * 2 * low / (1 + low) - 80, abs=1.5)
    assert plain["images_high"] == pytest.approx(80 * 2 * high / (1 + high) - 80, abs=1.5)
    assert math.isnan(baseline["images_low"]) and math.isnan(row(frame, "plain", "semantic", "mIoU")["images_low"])


def test_rows_of_ones_own_change_nothing_that_is_said_of_the_papers():
    """However wildly they vary between seeds."""
    rng = np.random.default_rng(0)
    own = replace(STUDY.variations[0], name="own", paper_row="nothing of the paper's")
    values = {
        (variation.name, "panoptic", "PQ", seed): rng.normal(50, 30 if variation is own else 1)
        for variation in (*STUDY.variations, own)
        for seed in range(3)
    }
    both = replace(STUDY, variations=(*STUDY.variations, own))
    alone, beside = (
        comparison_frame(results_frame(values), paper_frame(), [study], "mini").query(
            "variant in ('plain', 'masked attention')"
        )
        for study in (STUDY, both)
    )
    assert alone["difference_low"].notna().any()
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), beside.reset_index(drop=True))

import math

import pytest

from ablations.comparing.statistics import Difference
from ablations.comparing.verdicts import MARGIN, Comparison, judge


def sure(mean, error=0.2, n=5):
    return Difference(mean, n, error, 6.0)


@pytest.mark.parametrize(
    ("paper", "difference", "expected"),
    [
        (-4.8, sure(-8.0), "reproduced"),
        (4.8, sure(8.0), "reproduced"),
        (-4.8, sure(8.0), "not reproduced"),
        (0.0, sure(8.0), "not reproduced"),
        (-4.8, sure(-8.0, error=5.0), "below what this can tell"),
        (-4.8, sure(0.1), "below what this can tell"),
        (-0.7, sure(0.1), "as small as the paper's"),
        (0.0, sure(0.1), "as small as the paper's"),
        (0.0, sure(0.9), "as small as the paper's"),
        (-MARGIN, sure(0.1), "as small as the paper's"),
        (-MARGIN - 0.01, sure(0.1), "below what this can tell"),
        (0.7, sure(0.1, error=1.0), "below what this can tell"),
        (0.7, sure(0.9), "reproduced"),
        (-0.7, sure(0.9), "not reproduced"),
        (-4.8, Difference(-8.0, 1), "below what this can tell"),
        (-4.8, Difference(math.nan, 0), "not run"),
        (math.nan, sure(8.0), "above the baseline"),
        (math.nan, sure(-8.0), "below the baseline"),
        (math.nan, sure(0.9), "above the baseline"),
        (math.nan, sure(0.1), "level with the baseline"),
        (math.nan, sure(0.1, error=1.0), "below what this can tell"),
        (math.nan, Difference(-8.0, 1), "below what this can tell"),
        (math.nan, Difference(math.nan, 0), "not run"),
    ],
)
def test_the_word(paper, difference, expected):
    assert judge({"row": Comparison("row", difference, paper)})["row"].verdict == expected


def test_the_visible_difference_is_where_the_verdict_turns():
    others = {name: Comparison(name, sure(mean), -1.0) for name, mean in (("a", -3.0), ("b", -0.5), ("c", 0.1))}
    found = judge({**others, "row": Comparison("row", sure(-0.3), -1.0)})["row"]
    for factor, expected in ((0.999, False), (1.001, True)):
        moved = judge({**others, "row": Comparison("row", sure(-found.visible * factor), -1.0)})["row"]
        assert (moved.verdict == "reproduced") == expected


def test_the_largest_small_difference_is_where_the_verdict_turns():
    others = {name: Comparison(name, sure(mean), -1.0) for name, mean in (("a", -3.0), ("b", 0.5), ("c", 0.1))}
    found = judge({**others, "row": Comparison("row", sure(-0.4, error=0.4), -1.0)})["row"]
    assert found.verdict == "as small as the paper's" and found.small > 0.4
    for factor, expected in ((0.999, True), (1.001, False)):
        moved = judge({**others, "row": Comparison("row", sure(-found.small * factor, error=0.4), -1.0)})["row"]
        assert (moved.verdict == "as small as the paper's") == expected


def test_what_is_not_asked_to_be_small_has_no_such_difference():
    found = judge({"row": Comparison("row", sure(-0.4), -4.8), "wide": Comparison("wide", sure(-0.4, error=5.0), 0.0)})
    assert math.isnan(found["row"].small) and found["wide"].small < 0


def test_a_row_of_several_tables_is_one_test():
    rows = {name: Comparison("run", sure(-0.56), -1.0) for name in ("4b", "XIb", "4a", "5")}
    alone = judge({"4b": rows["4b"]})
    assert set(judge(rows).values()) == set(alone.values())
    assert alone["4b"].level == 0.05
    four = {name: Comparison(name, sure(-0.56) if name == "4b" else sure(0.0), -1.0) for name in rows}
    assert judge(four)["4b"].level == 0.05 / 4
    assert (alone["4b"].verdict, judge(four)["4b"].verdict) == ("reproduced", "as small as the paper's")


def test_the_same_run_may_be_held_against_other_numbers_of_the_paper():
    found = judge({"4b": Comparison("run", sure(-3.0), -1.0), "XIb": Comparison("run", sure(-3.0), 1.0)})
    assert (found["4b"].verdict, found["XIb"].verdict) == ("reproduced", "not reproduced")


def test_rows_without_a_test_do_not_weigh():
    rows = {"row": Comparison("row", sure(-0.56), -1.0)}
    others = {"unsure": Comparison("unsure", Difference(1.0, 1), 1.0), "none": Comparison("none", Difference(0, 0), 1)}
    assert judge({**rows, **others})["row"] == judge(rows)["row"]


def test_a_margin_of_its_own():
    difference = sure(0.0, error=0.004)
    assert judge({"row": Comparison("row", difference, 0.01, 0.015)})["row"].verdict == "as small as the paper's"
    assert judge({"row": Comparison("row", difference, 0.02, 0.015)})["row"].verdict == "below what this can tell"

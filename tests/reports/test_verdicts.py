import pandas as pd
import pytest

from ablations.reports.text import DASH, MINUS
from ablations.reports.verdicts import other_directions, tally, verdict_word

NAN = float("nan")


def rows(*values):
    """Rows of a comparison frame from (name, paper's difference, ours, its interval, pairs, verdict)."""
    return pd.DataFrame(
        [
            {
                "variant": name,
                "metric": "PQ",
                "unit": "%",
                "paper_difference": paper,
                "difference": ours,
                "difference_low": low,
                "difference_high": high,
                "n": pairs,
                "pairs": pairs,
                "verdict": verdict,
            }
            for name, paper, ours, low, high, pairs, verdict in values
        ]
    )


TABLE = rows(
    ("same", -4.8, -5.7, -10.0, -1.4, 3, "reproduced"),
    ("opposite", -4.7, 2.0, 0.5, 3.5, 3, "not reproduced"),
    ("unclear", -0.4, 0.3, -1.0, 1.6, 3, "below what this can tell"),
    ("one seed", 0.5, -1.25, -9.0, 6.5, 1, "below what this can tell"),
    ("no spread", 0.5, -1.25, NAN, NAN, 1, "below what this can tell"),
    ("no difference", 0.0, -0.1, -0.5, 0.3, 3, "as small as the paper's"),
    ("own", NAN, 1.0, 0.5, 1.5, 1, "above the baseline"),
    ("another", NAN, -1.0, -1.5, -0.5, 1, "below the baseline"),
    ("alike", NAN, 0.1, -0.5, 0.7, 1, "level with the baseline"),
    ("lost", 1.0, NAN, NAN, NAN, 0, "not run"),
    ("base", 0.0, 0.0, 0.0, 0.0, 3, "baseline"),
)


def test_every_row_but_the_baseline_is_counted_once():
    counted = tally(TABLE)
    assert {entry["word"]: entry["count"] for entry in counted["counts"]} == {
        "reproduced": 1,
        "not reproduced": 1,
        "as small as the paper's": 1,
        "below what this can tell": 3,
        "above the baseline": 1,
        "below the baseline": 1,
        "level with the baseline": 1,
        "not run": 1,
    }
    assert counted["direction"] == "1 of 5"
    assert counted["seeds"] == "1 and 3"


def test_a_figure_without_numbers_of_the_paper_has_no_direction():
    assert tally(TABLE[TABLE["variant"].isin(["own", "base"])])["direction"] == DASH


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        ("same", "reproduced"),
        ("one seed", "below what this can tell"),
        ("own", "above the baseline"),
        ("lost", "not run"),
        ("base", "baseline"),
    ],
)
def test_words(variant, word):
    (row,) = TABLE[TABLE["variant"] == variant].to_dict("records")
    assert verdict_word(row) == word


def test_a_baseline_without_a_number_in_the_paper_is_still_the_baseline():
    (row,) = rows(("base", NAN, 0.0, 0.0, 0.0, 3, "baseline")).to_dict("records")
    assert verdict_word(row) == "baseline"


def test_other_directions_are_said_with_how_sure_they_are():
    said = {entry["variant"]: entry["text"] for entry in other_directions(TABLE)}
    assert said == {
        "opposite": f"PQ +2.0, the paper's {MINUS}4.7: other direction than the paper's, not reproduced "
        "(3 seeds, +0.5 to +3.5).",
        "unclear": f"PQ +0.3, the paper's {MINUS}0.4: other direction than the paper's, below what this can tell "
        f"(3 seeds, {MINUS}1.0 to +1.6).",
        "one seed": f"PQ {MINUS}1.2, the paper's +0.5: other direction than the paper's, below what this can tell "
        f"(1 seed, {MINUS}9.0 to +6.5).",
        "no spread": f"PQ {MINUS}1.2, the paper's +0.5: other direction than the paper's, below what this can tell "
        "(1 seed, no interval).",
    }


def test_a_baseline_that_was_not_run_is_not_run():
    (row,) = rows(("base", 51.9, NAN, NAN, NAN, 0, "baseline")).to_dict("records")
    assert verdict_word(row) == "not run"

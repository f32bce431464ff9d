import pandas as pd

from ablations.reports.message import counts_by_task, own_rows, own_sentence, papers_differences, sentence

NAN = float("nan")


def frame(*rows):
    """A comparison frame from (task, metric, the paper's difference, verdict)."""
    columns = ["task", "metric", "paper_difference", "verdict"]
    return pd.DataFrame(rows, columns=columns).assign(table="4c")


ROWS = papers_differences(
    [
        frame(
            ("panoptic", "PQ", -4.8, "reproduced"),
            ("panoptic", "PQ", -4.7, "reproduced"),
            ("panoptic", "PQ", 0.5, "not reproduced"),
            ("panoptic", "PQ", NAN, "above the baseline"),
            ("panoptic", "PQ", 0.0, "baseline"),
            ("panoptic", "SQ", -1.0, "reproduced"),
            ("semantic", "mIoU", 0.1, "as small as the paper's"),
            ("semantic", "mIoU", -1.0, "below what this can tell"),
            ("semantic", "mIoU", 2.0, "not run"),
        )
    ]
)


def test_the_message_counts_what_the_paper_has_a_difference_for_by_primary_metrics():
    assert sentence(ROWS, "lite") == (
        "At lite scale: 2 of the paper's 6 differences reproduced, 1 the other way, 1 as small as the paper's, "
        "1 below what these runs can tell and 1 not run."
    )


def test_none_the_other_way_is_said_and_other_nones_are_not():
    rows = ROWS[ROWS["verdict"] == "below what this can tell"]
    assert sentence(rows, "mini") == (
        "At mini scale: none of the paper's 1 difference reproduced, none the other way "
        "and 1 below what these runs can tell."
    )
    assert sentence(ROWS[:0], "mini") == "At mini scale: nothing that the paper prints a difference for."


def test_rows_that_the_paper_has_no_difference_for_are_told_apart():
    words = ("above the baseline", "below what this can tell", "not run", "below what this can tell")
    rows = own_rows([frame(*(("panoptic", "PQ", NAN, word) for word in words), ("panoptic", "PQ", 1.0, "reproduced"))])
    assert own_sentence(rows) == (
        "Of 4 rows that the paper has no difference for: 1 above the baseline, 2 below what these runs can tell and "
        "1 not run."
    )
    assert own_sentence(rows[rows["verdict"] == "not run"]) == own_sentence(rows[:0]) == ""


def test_each_task_and_all_are_counted():
    assert counts_by_task(ROWS) == [
        {"task": "panoptic", "counts": [2, 1, 0, 0, 0], "rows": 3},
        {"task": "semantic", "counts": [0, 0, 1, 1, 1], "rows": 3},
        {"task": "all", "counts": [2, 1, 1, 1, 1], "rows": 6},
    ]
    assert len(counts_by_task(ROWS[:3])) == 1

import pandas as pd

from ablations.reports.message import counts_by_task, own_rows, own_sentence, papers_differences, sentence

NAN = float("nan")


def frame(*rows):
    """A comparison frame from (task, metric, the paper's difference, verdict), of runs of their own each."""
    columns = ["task", "metric", "paper_difference", "verdict"]
    names = [f"4c row {number}" for number in range(len(rows))]
    return pd.DataFrame(rows, columns=columns).assign(table="4c", scale="mini", comparison=names)


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


def test_what_is_the_same_runs_in_several_tables_is_counted_once():
    first = frame(("panoptic", "PQ", -4.8, "reproduced"), ("panoptic", "PQ", 1.0, "below what this can tell"))
    second = first.assign(table="4d")
    assert sentence(papers_differences([first, second]), "mini") == sentence(papers_differences([first]), "mini")
    other_scale = pd.concat([first, first.assign(scale="lite")])
    assert len(papers_differences([other_scale])) == 4
    own = frame(("panoptic", "PQ", NAN, "above the baseline"), ("panoptic", "PQ", NAN, "above the baseline"))
    own["comparison"] = ["4c row 0", "S1 row"]
    later = own.assign(table="S1")
    assert list(own_rows([later, first, later.assign(table="S2")])["comparison"]) == ["S1 row"]


def test_of_a_comparison_that_was_run_in_one_table_and_not_in_another_what_was_run_counts():
    first, second = (frame(("panoptic", "PQ", -4.8, verdict)) for verdict in ("not run", "reproduced"))
    assert list(papers_differences([first, second.assign(table="4d")])["verdict"]) == ["reproduced"]
    later = second.assign(table="S1", verdict="not run")
    assert own_rows([later, first]).empty
    assert list(own_rows([later.assign(verdict="above the baseline"), first])["table"]) == ["S1"]


def test_a_number_that_followers_print_is_no_claim_of_the_paper_s():
    later = frame(("panoptic", "PQ", 1.5, "above the baseline")).assign(table="S2")
    assert papers_differences([later]).empty and len(own_rows([later])) == 1
    assert papers_differences([later.assign(table="7")]).empty, "its rows are data sets"

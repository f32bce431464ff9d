import pytest
from rich.cells import cell_len

from ablations.terminal import UNLIMITED, Column, folded, on_one_line, others, table, width

COLUMNS = (Column("run"), Column("row", least=12), Column("task", once=True), Column("n", right=True))
ROWS = [("a1", "4c masked attention (+12)", "panoptic", "5"), ("b2", "4c SMCA", "panoptic", "12")]


@pytest.mark.parametrize(("said", "columns"), [("72", 72), ("", UNLIMITED), ("none", UNLIMITED)])
def test_columns_says_how_wide(monkeypatch, said, columns):
    monkeypatch.setenv("COLUMNS", said)
    monkeypatch.setattr("sys.__stdout__", None)
    assert width() == columns


def test_a_table_that_fits_is_whole():
    assert list(table(COLUMNS, ROWS, 80)) == [
        "All: task panoptic",
        "run  row                         n",
        "a1   4c masked attention (+12)   5",
        "b2   4c SMCA                    12",
    ]


@pytest.mark.parametrize("wide", [21, 25, 33])
def test_a_name_gives_way_to_the_last_column_and_keeps_its_count(wide):
    lines = list(table(COLUMNS, ROWS, wide))
    assert [len(line) for line in lines[1:]] == [wide] * 3
    assert lines[2].startswith("a1   4c ") and "… (+12)" in lines[2] and lines[2].endswith("   5")


def test_a_column_is_not_shortened_below_its_least():
    assert max(map(len, table(COLUMNS, ROWS, 5))) == len("a1   4c ma… (+12)   5")


def test_the_widest_gives_way_first():
    columns = (Column("", least=2), Column("", least=2))
    assert list(table(columns, [("a" * 9, "b" * 5)], 12))[1] == "aaaa…  bbbbb"
    assert list(table(columns, [("a" * 9, "b" * 5)], 8))[1] == "aa…  bb…"


def test_a_column_without_values_is_left_out_and_one_row_keeps_all_others():
    assert list(table(COLUMNS, [("a1", "x", "panoptic", "")], 80)) == ["run  row  task", "a1   x    panoptic"]
    assert list(table(COLUMNS, [], 80)) == ["run  row  task  n"]


def test_wide_letters_take_two_columns():
    first, second = list(table(COLUMNS[:2], [("a1", "漢字漢字漢字漢字漢字"), ("b2", "x" * 20)], 17))[1:]
    assert cell_len(first) <= 17 and first.endswith("…")
    assert cell_len(second) == 17


def test_what_steers_a_terminal_is_spelled_out():
    assert list(table(COLUMNS[:1], [("red\x1b[31m\n",)], 80))[1] == "red\\x1b[31m\\n"
    assert on_one_line("± …") == "± …"


def test_lines_are_broken_between_words_and_words_never():
    assert folded("one two three", 80) == ["one two three"]
    assert folded("one two three", 9) == ["one two", "    three"]
    assert folded("at /a/path/that-is/long", 9, indent=2) == ["at", "  /a/path/that-is/long"]


def test_a_name_alone_stands_for_no_others():
    assert (others(0), others(12)) == ("", " (+12)")

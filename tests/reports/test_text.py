import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.reports.text import (
    MINUS,
    THE_PAPERS,
    duration,
    file_stem,
    listing,
    metric_name,
    number,
    row_name,
    run_command,
    signed,
    signed_with_bounds,
    table_label,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [
        (47.14, "47.1", "+47.1"),
        (-4.75, f"{MINUS}4.8", f"{MINUS}4.8"),
        (-0.04, "0.0", "0.0"),
        (0.04, "0.0", "0.0"),
        (math.nan, "—", "—"),
    ],
)
def test_numbers(value, plain, with_sign):
    assert (number(value), signed(value)) == (plain, with_sign)


@given(st.floats(-1000, 1000))
def test_a_number_reads_back_to_its_tenth(value):
    for text in (number(value), signed(value)):
        assert float(text.replace(MINUS, "-")) == pytest.approx(value, abs=0.05 + 1e-9)


def test_fractions_have_two_decimals():
    assert [number(value, "fraction") for value in (0.2, 0.585, -0.004)] == ["0.20", "0.58", "0.00"]
    assert [signed(value, "fraction") for value in (0.39, 0.004, -0.05)] == ["+0.39", "0.00", f"{MINUS}0.05"]
    assert with_interval(0.5, 0.525, "fraction") == "0.50 ± 0.03"
    assert signed_with_bounds(-0.3, -0.4, -0.2, "fraction") == f"{MINUS}0.30 ({MINUS}0.40 to {MINUS}0.20)"


def test_intervals():
    assert with_interval(57.82, 59.04) == "57.8 ± 1.2"
    assert with_interval(57.82, math.nan) == "57.8"
    assert signed_with_bounds(-8.3, -11.52, 0.71) == f"{MINUS}8.3 ({MINUS}11.5 to +0.7)"
    assert signed_with_bounds(-8.3, math.nan, math.nan) == f"{MINUS}8.3"


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.2, "4 s"), (119, "119 s"), (171, "2.9 min"), (9000, "2.5 h"), (math.nan, "—")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_words():
    assert [listing([]), listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert run_command("4c", "mini") == "m2f run 4c --scale mini"
    assert run_command("4c", "mini", "panoptic", [0, 2]) == "m2f run 4c --scale mini --tasks panoptic --seeds 0,2"
    assert run_command("my own", "mini", imports=["mine"], store="a b") == (
        "m2f run 'my own' --scale mini --import mine --store 'a b'"
    )
    assert run_command("4c", "mini", overrides=["a.b=x y"]) == "m2f run 4c --scale mini --override 'a.b=x y'"
    assert [table_label(table) for table in ("4c", "XIa", "5")] == ["Table 4(c)", "Table XI(a)", "Table 5"]
    assert [table_label(table) for table in ("Ib", "figII", "fig3")] == ["Figure I(b)", "Figure II", "Figure 3"]
    assert [table_label(table) for table in ("mine", "figures", "mV2a", "figXs", "9a")] == [
        f"Table {name}" for name in ("mine", "figures", "mV2a", "figXs", "9a")
    ]


def test_every_number_of_the_paper_is_written_its_way():
    labels = [table_label(table) for table in THE_PAPERS]
    assert all(re.fullmatch(r"(Table|Figure) (\d+|[IVX]+)(\([a-e]\))?", label) for label in labels), labels


def test_file_names_hold_nothing_awkward():
    assert file_stem("4c", "mini", "panoptic") == "4c-mini-panoptic"
    assert file_stem("<b>x</b> $ _ #", "mini") == "-b-x-b-_--mini-25efc7"


@pytest.mark.parametrize(
    ("metric", "written"),
    [
        ("PQ", "PQ"),
        ("PQ_th", "PQ^Th"),
        ("AP_pan_th", "AP_pan^Th"),
        ("PQ_st", "PQ^St"),
        ("AR100_layer3", "AR@100, layer 3"),
        ("fg_avg", "fg_avg"),
    ],
)
def test_metrics_are_written_as_the_field_writes_them(metric, written):
    assert metric_name(metric) == written


def test_a_baseline_is_called_so_once():
    assert row_name("masked attention", True) == "masked attention (baseline)"
    assert row_name("baseline", True) == "baseline" and row_name("SMCA", False) == "SMCA"

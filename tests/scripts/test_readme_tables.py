import csv
import importlib.util
import io
import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from ablations.costs.peers_csv import newest_of_each_processor
from m2f.errors import InputError

ROOT = Path(__file__).parents[2]
specification = importlib.util.spec_from_file_location("readme_tables", ROOT / "scripts" / "readme_tables.py")
readme_tables = importlib.util.module_from_spec(specification)
specification.loader.exec_module(readme_tables)


def row(library, precision="float32", ratio=1.0, spread="0.012", seconds=0.98, warm_up=2.0):
    return {
        **{"work": "predict", "size": 512, "batch": 1, "precision": precision, "library": library},
        **{"seconds": seconds, "ratio": ratio, "ratio_spread": spread, "gemm_peak": 75e9, "gemm_share": 0.372},
        **{"warm_up": warm_up, "processor": "Fast CPU", "threads": 2, "torch": "2.13"},
    }


@pytest.fixture
def measured(tmp_path):
    """A directory with an older and a newer file."""
    rows = [row("m2f"), row("openvino", ratio=1.4, spread="", warm_up=31.0), row("m2f", "bfloat16", seconds=0.5)]
    for name, kept in (
        ("peers_z_torch-2.13.0_2026-01-31.csv", rows[:1]),
        ("peers_a_torch-2.12.0_2026-01-01.csv", rows[:1]),
        ("peers_a_torch-2.13.0_2026-02-01.csv", rows),
    ):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(kept)
    return tmp_path


def test_each_processor_has_a_table_of_its_newest_file(measured):
    newest = ["peers_a_torch-2.13.0_2026-02-01.csv", "peers_z_torch-2.13.0_2026-01-31.csv"]
    assert [path.name for path in newest_of_each_processor(measured)] == newest
    table, words, other, others_words, legend = readme_tables.speed(measured).split("\n\n")
    assert table.splitlines() == [
        "| Work | pixels | batch | precision | m2f | openvino |",
        "| --- | ---: | ---: | --- | ---: | ---: |",
        "| predict | 512 | 1 | float32 | 0.98 (37%) | 1.40 ± unknown (37%) |",
        "| predict | 512 | 1 | bfloat16 | 0.50 (37%) |  |",
    ]
    assert words.startswith(f"Fast CPU, 2 threads, torch 2.13, 2026-02-01, [{newest[0]}](../reports/")
    assert words.endswith("The first run of openvino, not counted, takes 31 to 31 s.")
    assert len(other.splitlines()) == 3 and newest[1] in others_words
    assert "**Ratios differ by processor**" in legend


def test_without_a_measurement_there_is_no_table(tmp_path):
    with pytest.raises(InputError, match="make one with: m2f bench peers --csv"):
        newest_of_each_processor(tmp_path)


def test_what_stands_between_the_marks_is_replaced():
    begin = readme_tables.BEGIN.format("speed")
    text = f"before\n{begin}\nold\n{readme_tables.END}\nafter\n"
    assert readme_tables.replaced(text, "new", "speed") == text.replace("old", "new")
    with pytest.raises(InputError, match="once"):
        readme_tables.replaced(text, "new", "message")


def page_with(name, content):
    """The page that has the marks, as it is and with ``content`` between them."""
    text = readme_tables.PAGES[name].read_text()
    return text, readme_tables.replaced(text, content, name)


def test_the_page_of_the_speed_has_the_newest_measurements():
    text, written = page_with("speed", readme_tables.speed(readme_tables.MEASURED))
    assert written == text


def test_the_page_of_later_designs_has_the_measured_times():
    text, written = page_with("times", readme_tables.times(readme_tables.MEASURED))
    assert written == text


def test_the_page_of_costs_has_the_committed_counts():
    text, written = page_with("costs", readme_tables.costs(readme_tables.MEASURED))
    assert written == text


def test_times_stand_beside_their_baseline_s_and_the_counts(tmp_path):
    """Twice as many predictions a second are half the time; another table's row of the same name is not looked at."""
    counts = (
        *(("S1", "half", "flops_ours", 200.04), ("S1", "half", "memory_ours", 5)),
        *(("S1", "masked attention", "flops_ours", 214.6), ("S1", "masked attention", "memory_ours", 5.25)),
        ("4c", "masked attention", "flops_ours", 1),
    )
    pd.DataFrame(counts, columns=["table", "variant", "metric", "value"]).to_csv(tmp_path / "costs.csv", index=False)
    measured = [("half", "fps", 0.5), ("half", "train_seconds", 3), ("masked attention", "fps", 0.25)]
    records = [
        {"table": "S1", "variant": row, "metric": metric, "value": value}
        for row, metric, value in (*measured, ("masked attention", "train_seconds", 4))
    ]
    (tmp_path / "times_S1_fast-cpu_torch-2.13.0_2026-12-01.json").write_text(json.dumps(records))
    table, where = readme_tables.times(tmp_path).split("\n\n")
    assert table.splitlines()[2:] == [
        "| half | 200.0 | 5.00 | 2.0 | 0.50 | 3.0 | 0.75 |",
        "| masked attention (baseline) | 214.6 | 5.25 | 4.0 | 1.00 | 4.0 | 1.00 |",
    ]
    assert where.startswith("fast-cpu, torch-2.13.0, 2026-12-01, [times_S1_fast-cpu")


@pytest.fixture(scope="module")
def sections():
    return readme_tables.reference_sections(ROOT / "reports" / "reference")


def test_the_readme_s_message_is_that_of_the_committed_results(sections):
    text, written = page_with("message", readme_tables.message(sections))
    assert written == text
    counted = [int(number) for number in re.findall(r"\d+", readme_tables.message(sections).split("\n")[0])]
    assert sum(counted) - counted[1] == counted[1], "the parts are the whole"


def test_the_readme_s_picture_is_of_the_committed_results_and_on_white(sections):
    """Its words: letters are drawn, and may be set otherwise by another version of the drawing library."""
    drawn, kept = (
        re.findall(r'aria-label="([^"]+)"', svg.decode())
        for svg in (readme_tables.picture(sections), (ROOT / readme_tables.PICTURE).read_bytes())
    )
    assert drawn == kept and kept
    assert b'fill="#ffffff"' in (ROOT / readme_tables.PICTURE).read_bytes()


def test_the_readme_s_verdicts_are_those_of_the_committed_results(sections):
    text, written = page_with("verdicts", readme_tables.verdicts(sections))
    assert written == text


def test_the_committed_comparison_is_that_of_the_results(sections):
    """The same numbers: means and intervals are computed again, maybe on a processor that rounds otherwise."""
    committed = pd.read_csv(readme_tables.MEASURED / "comparison.csv", dtype={"table": str, "seeds": str})
    text = readme_tables.comparison(sections).to_csv(index=False)
    found = pd.read_csv(io.StringIO(text), dtype={"table": str, "seeds": str})
    pd.testing.assert_frame_equal(committed, found, rtol=1e-6)


def test_what_the_reference_lacks_is_said_in_its_page(sections):
    text, written = page_with("not run", readme_tables.not_run(sections))
    assert written == text


def test_how_many_seeds_would_tell_is_said_in_the_reference_s_page(sections):
    text, written = page_with("seeds", readme_tables.seeds(sections))
    assert written == text


@pytest.mark.parametrize(
    ("difference", "small", "needed"),
    [
        (-2.0, -0.5, 20),  # twice as much would show with five
        (-0.5, 0.5, 5),  # just small enough
        (0.5, -0.5, 20),  # the spread takes twice the room that is left
        (-0.5, math.nan, 320),  # the paper's is not small
        (0.0, math.nan, math.inf),
        (math.nan, math.nan, math.inf),
    ],
)
def test_seeds_are_needed_as_the_square_of_what_would_be_told(difference, small, needed):
    row = {"difference": difference, "small": small, "pairs": 5, "visible": 4.0}
    assert readme_tables.seeds_needed(row) == pytest.approx(needed)


def test_what_is_told_needs_no_more_seeds(sections):
    rows = readme_tables.papers_differences(section.comparison for section in sections)
    for row in rows.to_dict("records"):
        is_told = row["verdict"] not in ("below what this can tell", "not run")
        assert (readme_tables.seeds_needed(row) <= row["pairs"] * (1 + 1e-9)) == is_told, row["variant"]


def test_verdicts_are_counted_in_words():
    words = ["reproduced", "below what this can tell", "reproduced", "not run"]
    assert readme_tables.verdict_counts(pd.DataFrame({"verdict": words})) == "2 reproduced, 1 not told, 1 not run"
    assert readme_tables.verdict_counts(pd.DataFrame({"verdict": ["not run"] * 3})) == "not run"
    assert readme_tables.verdict_counts(pd.DataFrame({"verdict": []})) == ""
    rows = pd.DataFrame({"verdict": words[:3], "pairs": [1, 2, 0]})
    assert readme_tables.verdict_cell(rows) == "2 reproduced, 1 not told (1 to 2 seeds)"
    assert readme_tables.verdict_cell(rows.head(1)) == "1 reproduced (1 seed)"
    assert readme_tables.verdict_cell(pd.DataFrame({"verdict": ["not run"], "pairs": [0]})) == "not run"
    assert [readme_tables.span(numbers) for numbers in ([], [3], [1, 2, 5])] == ["", "3", "1 to 5"]

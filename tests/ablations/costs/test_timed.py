import json

import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.costs.timed import speed_frame, study_speeds
from ablations.store.results_frame import COLUMNS
from ablations.studies import STUDIES
from m2f.timing.speed import Timing


@pytest.fixture(autouse=True)
def timings(monkeypatch):
    """Row i predicts in i + 1 seconds and trains in twice that."""

    def measured(models, size, training_size):
        assert (size, training_size) == ((800, 1088), (1024, 1024))
        seconds = range(1, len(models) + 1)
        return [(Timing(i, i, i + 0.5), Timing(2 * i, 2 * i, 2 * i)) for i in seconds]

    monkeypatch.setattr("m2f.timing.speed.measure_speed", measured)


def test_rows_stand_beside_their_baseline_and_the_papers_speed():
    speeds = study_speeds(STUDIES["1"])
    by_name = {speed.variation.name: speed for speed in speeds}
    assert by_name["Mask2Former, R50"].paper_fps == 8.6
    assert by_name["MaskFormer, R50"].paper_fps == 17.6
    baseline = by_name["Mask2Former, R50"]
    assert {speed.baseline for speed in speeds} == {(baseline.prediction, baseline.training)}


def test_a_row_without_a_printed_speed_has_none():
    assert {speed.paper_fps for speed in study_speeds(STUDIES["4e"])} == {None}


def test_a_frame_has_the_columns_of_results():
    frame = speed_frame(study_speeds(STUDIES["4c"]))
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame[frame["metric"] == "fps"]["value"]) == [1.0, 0.5, 0.3333, 0.25]
    assert list(frame[frame["metric"] == "train_seconds"]["value"]) == [2.0, 4.0, 6.0, 8.0]


def test_the_command_prints_times_and_ratios():
    text = CliRunner().invoke(main, ["cost", "4c", "--measure"]).output
    assert "1.00 (1.00-1.50)" in text
    assert "0.25" in text  # cross-attention, of masked attention's four seconds
    records = json.loads(CliRunner().invoke(main, ["cost", "4c", "--measure", "--json"]).output)
    assert len(records) == 8

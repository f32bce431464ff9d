import pytest

from ablations.costs.timed import speed_frame, study_speeds
from ablations.store.results_frame import COLUMNS
from ablations.studies import STUDIES

pytestmark = pytest.mark.usefixtures("timings")


def test_rows_stand_beside_their_baseline_and_the_papers_speed():
    speeds = study_speeds(STUDIES["1"], print)
    by_name = {speed.variation.name: speed for speed in speeds}
    assert by_name["Mask2Former, R50"].paper_fps == 8.6
    assert by_name["MaskFormer, R50"].paper_fps == 17.6
    baseline = by_name["Mask2Former, R50"]
    assert {speed.baseline for speed in speeds} == {(baseline.prediction, baseline.training)}


def test_a_row_without_a_printed_speed_has_none():
    assert {speed.paper_fps for speed in study_speeds(STUDIES["4e"], print)} == {None}


def test_a_frame_has_the_columns_of_results():
    frame = speed_frame(study_speeds(STUDIES["4c"], print))
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame[frame["metric"] == "fps"]["value"]) == [1.0, 0.5, 0.3333, 0.25]
    assert list(frame[frame["metric"] == "train_seconds"]["value"]) == [2.0, 4.0, 6.0, 8.0]

import pytest

from ablations.store.results_frame import COLUMNS, read_results, require_one_run_per_seed
from m2f.errors import InputError


def test_an_empty_store_has_an_empty_frame(store):
    frame = read_results(store).frame
    assert frame.empty
    assert tuple(frame.columns) == COLUMNS


def test_two_runs_of_a_row_and_seed(plan, have_done):
    frame = read_results(have_done(plan(), lambda *_: {"PQ": 40.0, "fg_avg": 0.5})).frame
    require_one_run_per_seed(frame, "here")
    twice = frame.assign(variant="masked")
    with pytest.raises(InputError, match=r"^here holds several runs of 9z 'masked' \(panoptic, smoke\), seed 0"):
        require_one_run_per_seed(twice, "here")
    other_value = frame[frame["variant"] == "masked"]
    other_value = other_value.assign(value=other_value["value"] + 1)
    with pytest.raises(InputError, match="several runs"):
        require_one_run_per_seed(frame.merge(other_value, how="outer"), "here")

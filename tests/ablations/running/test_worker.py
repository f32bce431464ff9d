import json
import subprocess
import sys

import pytest

from ablations.running.worker import execute, input_sentence
from ablations.store.claims import HELD, claim
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run
from m2f.errors import InputError

pytestmark = pytest.mark.usefixtures("fake_training")


@pytest.fixture
def directory(run_directories):
    return run_directories(seeds=[1])[0]


def test_done(directory):
    assert execute(directory, "fake_training:train") == 0
    assert RunRecord(directory).state.name == "done"
    assert RunRecord(directory).metrics == {"PQ": 41.0}
    identity = RunRecord(directory).identity
    assert identity["environment"]["torch"]
    assert identity["environment"]["threads"] == 1
    assert {"commit", "dirty"} <= set(identity["git"])


@pytest.fixture
def evaluation(plan, store, tmp_path, evaluated_study):
    """The directory of an evaluation whose training is done."""
    (cell,) = plan(studies=[evaluated_study])
    assert execute(create_run(store, cell.training, tmp_path / "data"), "fake_training:train") == 0
    return create_run(store, cell.run, tmp_path / "data")


def test_an_evaluation_gets_its_trainings_last_checkpoint(evaluation, capfd):
    assert execute(evaluation, "fake_training:evaluate") == 0
    assert RunRecord(evaluation).metrics == {"fg_avg": 0.25, "AR100_layer0": 30.0}
    assert capfd.readouterr().out.endswith("evaluating weights of seed 0\n")


def test_an_evaluation_without_a_checkpoint_is_bad_input(evaluation):
    source = evaluation.parent / RunRecord(evaluation).identity["source"]
    (source / "iter_10.pth").unlink()
    assert execute(evaluation, "fake_training:evaluate") == 2
    assert str(source) in RunRecord(evaluation).state.reason


def test_an_evaluation_evaluates_for_real_unless_told_otherwise(evaluation, capfd):
    """The small config is no model that could be built: what counts is that the real evaluation was asked to."""
    assert execute(evaluation) == 1
    assert "m2f/engine/evaluate.py" in capfd.readouterr().err


def test_done_is_not_done_again(directory):
    for _ in range(2):
        assert execute(directory, "fake_training:train") == 0
    assert len((directory / "calls.txt").read_text().splitlines()) == 1


def test_damaged_metrics_are_made_anew(directory):
    execute(directory, "fake_training:train")
    (directory / "metrics.json").write_text("{")
    assert execute(directory, "fake_training:train") == 0
    assert RunRecord(directory).metrics == {"PQ": 41.0}


def test_failure_has_its_reason_and_can_be_tried_again(directory, capfd):
    assert execute(directory, "fake_training:fail_with_seed_1") == 1
    state = RunRecord(directory).state
    assert (state.name, state.kind, state.reason) == ("failed", "error", "RuntimeError: the loss became nan")
    assert "Traceback" in capfd.readouterr().err
    assert execute(directory, "fake_training:train") == 0
    assert (RunRecord(directory).state.name, RunRecord(directory).state.reason) == ("done", None)


def test_bad_input_has_its_sentence(directory, capfd):
    assert execute(directory, "fake_training:find_bad_image") == 2
    state = RunRecord(directory).state
    assert (state.name, state.kind) == ("failed", "input")
    assert state.reason == "pictures/7.png is not an image; fetch it again."
    assert "Traceback" not in capfd.readouterr().err


def test_training_that_cannot_be_imported_is_a_failure(directory):
    assert execute(directory, "no_such_module:train") == 1
    assert "no_such_module" in RunRecord(directory).state.reason


def test_a_held_run_is_left_alone(directory):
    with claim(directory):
        assert execute(directory, "fake_training:train") == HELD
    assert RunRecord(directory).state.name == "planned"
    assert not (directory / "calls.txt").exists()


def test_sentence_survives_a_data_loader_process():
    from torch._utils import ExceptionWrapper

    try:
        raise InputError("pictures/7.png is not an image.")
    except InputError as error:
        wrapped = ExceptionWrapper(sys.exc_info(), where="in DataLoader worker process 0")
        assert input_sentence(error) == "pictures/7.png is not an image."
    with pytest.raises(InputError) as caught:
        wrapped.reraise()
    assert "Traceback" in str(caught.value)
    assert input_sentence(caught.value) == "pictures/7.png is not an image."


def test_as_a_program_it_trains_for_real_and_says_what_failed(directory):
    """The small config is no model that could be built: what counts is that the real training was asked to."""
    result = subprocess.run(
        [sys.executable, "-m", "ablations.running.worker", directory], capture_output=True, text=True
    )
    assert result.returncode == 1
    state = json.loads((directory / "state.json").read_text())
    assert state["state"] == "failed"
    assert "m2f/engine/train.py" in result.stderr

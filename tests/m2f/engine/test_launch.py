"""Several processes that end, well or badly, together."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mmengine import Config
from torch.distributed.elastic.multiprocessing import SignalException

from m2f.engine import launch
from m2f.engine.launch import in_processes

LAUNCHED = Path(__file__).with_name("launched.py")
QUICKLY = 60  # seconds, on a machine that does much else; processes wait half an hour for one that is alive


@pytest.fixture(scope="module")
def endings(smoke, run_script, tmp_path_factory):
    """How trainings and other work by two processes ended, and after how many seconds."""
    directory = tmp_path_factory.mktemp("endings")
    config = Config(smoke(**{"train_cfg.max_iters": 3}).to_dict(), format_python_code=False)  # quick to write
    config.dump(directory / "whole.py")
    dataset = config.train_dataloader.dataset.dataset
    content = json.loads(Path(dataset.data_root, dataset.ann_file).read_text())
    order = np.random.default_rng([config.seed, 0]).permutation(len(content["images"]))
    content["images"][order[5]]["file_name"] = "nowhere.jpg"  # the second process comes to it in the second iteration
    dataset.ann_file = dataset.ann_file.replace(".json", "_missing_image.json")
    Path(dataset.data_root, dataset.ann_file).write_text(json.dumps(content))
    config.dump(directory / "missing.py")
    ended = run_script(LAUNCHED, directory, directory=directory)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads((directory / "given.json").read_text()) | {"log": ended.stderr}


@pytest.mark.parametrize("start", ["spawned", "forked"])
def test_gives_what_the_first_process_returns(start, endings):
    assert endings[start][0] == ["0", 4.0]


def test_one_process_is_this_one():
    assert in_processes(1, dict, [("a", 1)]) == {"a": 1}


@pytest.mark.parametrize(
    ("ending", "error", "sentence"),
    [
        ("raise", "InputError", "no such file"),
        ("kill", "ProcessDiedError", "process 1 was killed by signal 9 (SIGKILL)"),
        ("leave", "ProcessDiedError", "process 1 ended with exit code 3"),
        ("train, killed", "ProcessDiedError", "process 1 was killed by signal 9 (SIGKILL)"),
    ],
)
def test_a_process_that_fails_ends_all_with_its_reason(ending, error, sentence, endings):
    assert endings[ending][0] == [error, sentence]
    assert endings[ending][1] < QUICKLY
    assert "no such file" in endings["log"]  # with its traceback


def test_bad_data_of_one_process_ends_the_training(endings):
    (error, sentence), seconds = endings["train, missing image"]
    assert error == "InputError"
    assert "nowhere.jpg" in sentence
    assert seconds < QUICKLY


@pytest.mark.parametrize(("ended_by", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_processes_end_with_the_one_that_started_them(ended_by, exit_code, tmp_path):
    with (tmp_path / "log").open("w") as log:
        parent = subprocess.Popen([sys.executable, LAUNCHED, "wait", tmp_path], stdout=log, stderr=log)
    marks = [tmp_path / "pid0", tmp_path / "pid1"]
    wait_until(lambda: all(mark.exists() and mark.read_text() for mark in marks), 120)
    children = [Path("/proc", mark.read_text(), "stat") for mark in marks]
    parent.send_signal(ended_by)
    assert parent.wait(QUICKLY) == exit_code
    wait_until(lambda: not any(is_alive(child) for child in children), QUICKLY)


def test_who_had_handled_a_clusters_warning_is_told_when_the_processes_have_ended(monkeypatch):
    """submitit puts the job back into the queue then, and Slurm ends what is left of it."""
    steps = []

    def warned(config, entrypoint):
        assert "SIGUSR2" in config.signals_to_handle.split(",")

        def launch(*arguments):
            steps.append("ended")
            raise SignalException("", signal.SIGUSR2)

        return launch

    monkeypatch.setattr(launch, "elastic_launch", warned)
    former = signal.signal(signal.SIGUSR2, lambda number, frame: steps.append(number))
    handler = signal.getsignal(signal.SIGUSR2)
    try:
        with pytest.raises(SystemExit) as ended:
            launch.in_processes(2, print)
        assert steps == ["ended", signal.SIGUSR2] and ended.value.code == 128 + signal.SIGUSR2
        assert signal.getsignal(signal.SIGUSR2) is handler
    finally:
        signal.signal(signal.SIGUSR2, former)


def is_alive(status):
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)

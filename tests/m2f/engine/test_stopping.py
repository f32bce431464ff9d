"""Trainings in processes of their own that are asked to end, and go on to the weights of unbroken ones."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.hooks import Hook

from m2f.engine.checkpoints import TimelyCheckpoints
from m2f.engine.stopping import _former, end, noted_requests, requested
from m2f.engine.train import train
from m2f.errors import InputError
from m2f.registry import HOOKS

SCRIPT = Path(__file__).with_name("stopped_runs.py")
STOP_SECONDS = 10  # what a sweep that is stopped gives its runs


@pytest.fixture(scope="module")
def runs(smoke, run_script, tmp_path_factory):
    """The directory of all trainings, of 3 iterations with an evaluation after the second, and how they ended."""
    directory = tmp_path_factory.mktemp("runs")
    changes = {"train_cfg": {"max_iters": 3, "val_interval": 2}, "default_hooks.checkpoint.interval": 1000}
    Config(smoke(**changes).to_dict(), format_python_code=False).dump(directory / "training.py")
    ended = run_script(SCRIPT, directory, directory=directory)
    assert ended.returncode == 0, ended.stderr[-4000:] + (directory / "log").read_text()[-4000:]
    return directory, json.loads((directory / "given.json").read_text())


def state_of(path):
    checkpoint = torch.load(path, weights_only=False)
    moments = checkpoint["optimizer"]["state"].values()
    weights = [*checkpoint["state_dict"].values(), *checkpoint.get("ema_state_dict", {}).values()]
    return [*weights, *(value for state in moments for value in state.values())]


def same_end(first, second):
    pairs = zip(state_of(first / "iter_3.pth"), state_of(second / "iter_3.pth"), strict=True)
    histories = [(place / "history.json").read_text() for place in (first, second)]
    return histories[0] == histories[1] and all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    ("name", "exit_code", "left"),
    [
        ("term", -signal.SIGTERM, ["iter_1.pth"]),
        ("interrupt", 1, ["iter_2.pth"]),  # a KeyboardInterrupt; of every iteration a checkpoint, and one is kept
        ("evaluation", -signal.SIGUSR1, ["iter_2.pth"]),
        ("everybody", 128 + signal.SIGUSR1, ["iter_1.pth"]),
    ],
)
def test_a_training_asked_to_end_goes_on_bit_for_bit(name, exit_code, left, runs):
    directory, given = runs
    assert given[name]["ended"][0] == exit_code
    assert given[name]["ended"][1] < STOP_SECONDS
    assert given[name]["left"] == left
    code, _, kept = given[name]["resumed"]
    assert code == 0
    assert kept == (["iter_3.pth"] if name == "interrupt" else ["iter_2.pth", "iter_3.pth"])
    assert same_end(directory / name, directory / ("pair" if name == "everybody" else "unbroken"))


def test_processes_whose_starter_alone_is_asked_end_with_a_checkpoint(runs):
    _, given = runs
    assert given["parted"]["ended"][0] == 128 + signal.SIGTERM
    assert given["parted"]["ended"][1] < STOP_SECONDS
    assert given["parted"]["left"] == ["iter_1.pth"]


def test_the_log_says_so(runs):
    directory, _ = runs
    assert "Stopped by SIGTERM; the same command goes on from iteration 1." in (directory / "log").read_text()


@HOOKS.register_module()
class Interrupted(Hook):
    """Asks the training to end, in iteration ``at`` or its evaluation."""

    def __init__(self, at, evaluating):
        self.at, self.evaluating = at, evaluating

    def after_train_iter(self, runner, *arguments, **named):
        if runner.iter + 1 == self.at and not self.evaluating:
            signal.raise_signal(signal.SIGINT)

    def before_val_iter(self, runner, *arguments, **named):
        if runner.iter == self.at and self.evaluating:
            signal.raise_signal(signal.SIGINT)


def goes_on_to_the_same_end(smoke, directory, changes, hooks=(), **asked):
    """Whether a training that is asked to end ends as an unbroken one, when it is gone on with; and where it ended."""
    changes = {"default_hooks.checkpoint.interval": 1000, "train_cfg.max_iters": 3, **changes}
    train(smoke(**changes, custom_hooks=[*hooks]), directory / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        train(smoke(**changes, custom_hooks=[*hooks, {"type": "m2f.Interrupted", **asked}]), directory / "broken")
    left = names(directory / "broken")
    train(smoke(**changes, custom_hooks=[*hooks]), directory / "broken")
    return same_end(directory / "broken", directory / "unbroken"), left


def test_in_an_evaluation_of_averaged_weights_the_trained_ones_are_kept(smoke, tmp_path):
    """mmengine's hook swaps them in its ``before_val_epoch``, and all that a checkpoint has of both once more."""
    average = [{"type": "mmengine.EMAHook", "momentum": 0.5}]
    ended = goes_on_to_the_same_end(smoke, tmp_path, {}, average, at=2, evaluating=True)
    assert ended == (True, ["iter_2"])


@pytest.mark.parametrize(("at", "evaluating", "left"), [(1, False, ["iter_2"]), (3, True, ["iter_2", "iter_3"])])
def test_a_step_of_several_iterations_is_gone_through_with(at, evaluating, left, smoke, tmp_path):
    """The last step has fewer."""
    changes = {"optim_wrapper.accumulative_counts": 2}
    ended = goes_on_to_the_same_end(smoke, tmp_path, changes, at=at, evaluating=evaluating)
    assert ended == (True, left)


def test_no_checkpoint_is_due_in_the_middle_of_a_step(smoke, tmp_path):
    changes = {"optim_wrapper.accumulative_counts": 3, "train_cfg.val_interval": 3}
    with pytest.raises(
        InputError, match=r"'default_hooks\.checkpoint\.interval' is 2, no multiple of .* = 3; set it to 3"
    ):
        train(smoke(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_in_time_and_no_more_than_are_to_be_kept(smoke, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(TimelyCheckpoints, "__init__", patched(TimelyCheckpoints.__init__, every=0.0))
    whole = TimelyCheckpoints._is_written
    monkeypatch.setattr(
        TimelyCheckpoints,
        "_is_written",
        lambda self, runner, done: (whole(self, runner, done), written.append(names(tmp_path / "run"))),
    )
    train(smoke(**{"default_hooks.checkpoint.interval": 3}), tmp_path / "run")
    assert written == [["iter_1"], ["iter_1", "iter_2"], ["iter_2", "iter_3"], ["iter_3", "iter_4"]]
    assert (tmp_path / "run" / "last_checkpoint").read_text() == str(tmp_path / "run" / "iter_4.pth")
    written.clear()
    everything = {"default_hooks.checkpoint.interval": 2, "default_hooks.checkpoint.max_keep_ckpts": -1}
    train(smoke(**everything, **{"train_cfg.max_iters": 5}), tmp_path / "run", resume=False)
    assert written[-1] == ["iter_2", "iter_4", "iter_5"]


def patched(method, **values):
    def changed(self, **options):
        method(self, **{**options, **values})

    return changed


def names(directory):
    return sorted(path.stem for path in directory.glob("iter_*.pth"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for two checkpoints and a half."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_leaves_the_older_checkpoint(smoke, small_disk, monkeypatch, capfd):
    monkeypatch.setattr(TimelyCheckpoints, "__init__", patched(TimelyCheckpoints.__init__, every=0.0))
    work_dir = small_disk / "run"
    train(smoke(**{"train_cfg.max_iters": 1}), work_dir)
    size = (work_dir / "iter_1.pth").stat().st_size
    room = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - size // 2))
    with pytest.raises(OSError, match="No space left"):  # the config's own, at the last iteration
        train(smoke(**{"train_cfg.max_iters": 3, "default_hooks.checkpoint.interval": 1000}), work_dir)
    assert "iter_2.pth cannot be written (No space left on device); make room on the disk." in capfd.readouterr().out
    assert "iter_1" in names(work_dir) and "iter_2" not in names(work_dir)
    (small_disk / "filler").unlink()
    train(smoke(**{"train_cfg.max_iters": 3, "default_hooks.checkpoint.interval": 1000}), work_dir)
    assert names(work_dir)[-1] == "iter_3"


class TestNotedRequests:
    def test_is_met_when_the_block_ends(self):
        steps = []
        with pytest.raises(KeyboardInterrupt), noted_requests():
            signal.raise_signal(signal.SIGINT)
            steps.append(requested())
        assert steps == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler and requested() == 0

    def test_before_what_the_block_raises(self):
        with pytest.raises(KeyboardInterrupt), noted_requests():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("a worker of the data loader was stopped")

    def test_is_met_at_the_blocks_own_time(self):
        with pytest.raises(KeyboardInterrupt), noted_requests():
            signal.raise_signal(signal.SIGINT)
            end(requested())

    def test_a_handler_is_called(self, monkeypatch):
        called = []
        former = signal.signal(signal.SIGUSR2, lambda number, frame: called.append(number))
        try:
            with pytest.raises(SystemExit), noted_requests():
                signal.raise_signal(signal.SIGUSR2)
                assert requested() == signal.SIGUSR2 and not called
            assert called == [signal.SIGUSR2]
        finally:
            signal.signal(signal.SIGUSR2, former)

    @pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
    def test_a_clusters_warning_does_not_end_the_process_at_once(self, number):
        """Which it would, and does where the block ends; here something calls, for the test to go on."""
        former = signal.getsignal(number)
        assert former is signal.SIG_DFL
        try:
            with pytest.raises(ZeroDivisionError), noted_requests():
                signal.raise_signal(number)
                assert requested() == number
                _former[number] = lambda number, frame: 1 / 0
        finally:
            signal.signal(number, former)

    def test_a_second_interruption_acts_at_once(self):
        steps = []
        with pytest.raises(KeyboardInterrupt), noted_requests():
            signal.raise_signal(signal.SIGINT)
            steps.append("went on")
            signal.raise_signal(signal.SIGINT)
            steps.append("went on")
        assert steps == ["went on"]

    def test_what_is_ignored_stays_so(self):
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with noted_requests():
                signal.raise_signal(signal.SIGINT)
                assert requested() == 0
        finally:
            signal.signal(signal.SIGINT, former)

    def test_without_a_request_nothing_happens(self):
        former = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
        with noted_requests():
            assert requested() == 0
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == former

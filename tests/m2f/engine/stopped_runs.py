"""Trainings that are asked to end, and go on: what ``test_stopping.py`` looks at. ``stopped_runs.py DIRECTORY``.

The directory holds ``training.py``. Each training is a process forked from this one, which has imported everything;
``given.json`` says how each process ended.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

from mmengine import Config

from m2f.engine import hooks, launch
from m2f.engine.train import train

context = multiprocessing.get_context("fork")


@hooks.HOOKS.register_module()
class Pause(hooks.Hook):
    """Says where the training is and waits, in iteration ``at``, in the training or in its evaluation."""

    priority = "VERY_HIGH"

    def __init__(self, mark, at, evaluating=False):
        self.mark, self.at, self.evaluating = Path(mark), at, evaluating

    def after_train_iter(self, runner, *arguments, **named):
        if runner.iter + 1 == self.at and not self.evaluating:
            self.wait()

    def before_val_iter(self, runner, *arguments, **named):
        if runner.iter == self.at and self.evaluating:
            self.wait()

    def wait(self):
        self.mark.with_name(self.mark.name + os.environ.get("RANK", "")).touch()
        time.sleep(1)


def work(config, directory, processes):
    os.setpgid(0, 0)
    with (directory.parent / "log").open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    launch.in_processes(processes, train, config, directory)


def run(name, directory, signals=(), at=None, evaluating=False, changes=None, everybody=False, processes=1):
    """Train in a process that gets signals; how it ended, and in how many seconds after them."""
    config = Config.fromfile(directory / "training.py")
    config.merge_from_dict(changes or {})
    mark = directory / f"mark-{name}-{time.monotonic()}"
    if at:
        config.custom_hooks = [{"type": "m2f.Pause", "mark": str(mark), "at": at, "evaluating": evaluating}]
    process = context.Process(target=work, args=(config, directory / name, processes))
    process.start()
    while signals and not list(directory.glob(f"{mark.name}*")):
        assert process.is_alive()
        time.sleep(0.02)
    asked = time.monotonic()
    for number in signals:
        (os.killpg if everybody else os.kill)(process.pid, number)
        time.sleep(0.1)
    process.join(120)
    return [process.exitcode, time.monotonic() - asked]


def left(directory):
    return sorted(path.name for path in directory.glob("iter_*.pth"))


def main(directory):
    term, interrupt, warning = [signal.SIGTERM], [signal.SIGINT], [signal.SIGUSR1]
    launch.START_METHOD = "fork"
    keep_one = {"default_hooks.checkpoint.max_keep_ckpts": 1, "default_hooks.checkpoint.interval": 1}
    cases = {
        "unbroken": {},
        "term": {"signals": term, "at": 1},
        "interrupt": {"signals": interrupt, "at": 2, "changes": keep_one},
        "evaluation": {"signals": warning, "at": 2, "evaluating": True},
        "pair": {"processes": 2},
        "parted": {"signals": term, "at": 1, "processes": 2},
        "everybody": {"signals": warning, "at": 1, "processes": 2, "everybody": True},
    }
    given = {}
    for name, case in cases.items():
        given[name] = {"ended": run(name, directory, **case), "left": left(directory / name)}
        if "signals" in case and name != "parted":
            options = {key: case[key] for key in ("processes", "changes") if key in case}
            given[name]["resumed"] = [*run(name, directory, **options), left(directory / name)]
        (directory / "given.json").write_text(json.dumps(given))


main(Path(sys.argv[1]))

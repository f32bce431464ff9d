"""What the processes of ``test_launch.py`` do, and the scripts that start them: ``launched.py ENDING... DIRECTORY``."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import distributed

from m2f.engine import launch
from m2f.engine.processes import joined_processes
from m2f.errors import InputError

RANK = "RANK"


def work(ending, directory):
    """Meet the other process, then come to an end."""
    with joined_processes():
        together = torch.ones(1)
        distributed.all_reduce(together)
        second = os.environ[RANK] == "1"
        if ending == "raise" and second:
            raise InputError("no such file")
        if ending == "kill" and second:
            os.kill(os.getpid(), signal.SIGKILL)
        if ending == "leave" and second:
            os._exit(3)
        if ending == "wait":
            (directory / f"pid{os.environ[RANK]}").write_text(str(os.getpid()))
            time.sleep(600)
        distributed.all_reduce(together)
        return [os.environ[RANK], together.item()]


def train_killed(config, directory):
    """Train, the second process being killed in the second iteration."""
    from m2f.engine import hooks, train

    class Killed(hooks.StopAtDivergence):
        def after_train_iter(self, runner, *arguments, **named):
            super().after_train_iter(runner, *arguments, **named)
            if runner.iter == 1 and os.environ[RANK] == "1":
                os.kill(os.getpid(), signal.SIGKILL)

    hooks.HOOKS.register_module(module=Killed)
    config.custom_hooks = [{"type": "m2f.Killed"}]
    return train.train(config, directory)


def ends(function, *arguments):
    """How it ended, and the seconds it took."""
    started = time.monotonic()
    try:
        how = launch.in_processes(2, function, *arguments)
    except Exception as error:
        how = [type(error).__name__, str(error)]
    return [how, time.monotonic() - started]


def main(directory):
    """All endings, one after the other; forked processes start fast, because this one has imported everything."""
    from mmengine import Config

    from m2f.engine.train import train

    given = {"spawned": ends(work, "return", directory)}
    launch.START_METHOD = "fork"
    given["forked"] = ends(work, "return", directory)
    given |= {ending: ends(work, ending, directory) for ending in ("raise", "kill", "leave")}
    given["train, missing image"] = ends(train, Config.fromfile(directory / "missing.py"), directory / "missing")
    given["train, killed"] = ends(train_killed, Config.fromfile(directory / "whole.py"), directory / "killed")
    (directory / "given.json").write_text(json.dumps(given))


if __name__ == "__main__":
    if sys.argv[1] == "wait":
        launch.START_METHOD = "fork"
        launch.in_processes(2, work, "wait", Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]))

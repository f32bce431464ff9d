"""What the two processes of ``test_distributed.py`` do: ``torchrun distributed_runs.py DIRECTORY EVALUATION...``.

The directory holds configs, a trained checkpoint and a run by one process. What either process is given back it leaves
in ``given0.json`` and ``given1.json``.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import torch
from mmengine import Config
from mmengine.dist import barrier

from m2f.engine import hooks
from m2f.engine.evaluate import evaluate
from m2f.engine.processes import joined_processes
from m2f.engine.train import train

RANK = os.environ["RANK"]


@hooks.HOOKS.register_module()
class LossOfTheSecondDiverges(hooks.Hook):
    """Makes the second process's loss infinite in the second iteration."""

    priority = "HIGHEST"

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 1 and RANK == "1":
            outputs["loss"] = torch.tensor(float("inf"))


def forget_the_last_iterations(run):
    """Leave a run as if its processes had been killed before the second checkpoint."""
    barrier()
    if RANK == "0":
        history = json.loads((run / "history.json").read_text())
        (run / "history.json").write_text(json.dumps(history[:1]))
        shutil.move(run / "iter_4.pth", run / "unbroken.pth")
        (run / "last_checkpoint").write_text(str(run / "iter_2.pth"))
    barrier()


def error_of(config, work_dir):
    try:
        train(config, work_dir)
    except Exception as error:
        return [type(error).__name__, str(error)]


def main(directory, evaluations):
    config = Config.fromfile(directory / "training.py")
    fresh = Config.fromfile(directory / "training.py")
    fresh.pop("load_from")
    given = {}
    given["metrics"] = train(config, directory / "run", resume=False)
    with joined_processes():
        forget_the_last_iterations(directory / "run")
        given["resumed"] = train(fresh, directory / "run")
        given["other"] = error_of(fresh, directory / "alone")
        given["odd"] = error_of(Config.fromfile(directory / "odd.py"), directory / "odd")
        fresh.custom_hooks = [{"type": "m2f.LossOfTheSecondDiverges"}]
        given["diverging"] = error_of(fresh, directory / "diverging")
        for name in evaluations:
            evaluation = Config.fromfile(directory / f"{name}.py")
            given[name] = evaluate(evaluation, directory / "trained.pth", directory / "evaluations" / name)
    (directory / f"given{RANK}.json").write_text(json.dumps(given))


main(Path(sys.argv[1]), sys.argv[2:])

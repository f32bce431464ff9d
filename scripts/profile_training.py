"""Where the time of one run goes, part by part, from the loader to the optimizer and the evaluation.

    python scripts/profile_training.py configs/mini/panoptic.py --iterations 40 --threads 1

Trains a few iterations in a temporary directory, evaluates once, and prints milliseconds per iteration and shares of a
whole run of the config, which has more iterations and evaluations. Wall time of the CPU; nothing else should run.
"""

import argparse
import functools
import logging
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import prepare
from m2f.engine.train import runnable

WARM_UP = 5


class Stopwatch(Hook):
    """Adds up the seconds spent in the parts of a training step, after the first few iterations."""

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.counting = False

    def before_train(self, runner: Runner) -> None:
        """Wrap the parts of the model and of the optimizer step."""
        model, wrapper = runner.model, runner.optim_wrapper
        for name, owner, method in (
            ("backbone", model.backbone, "forward"),
            ("pixel decoder", model.pixel_decoder, "forward"),
            ("transformer decoder", model.transformer_decoder, "forward"),
            ("matching", model.criterion, "match"),
            ("matching and loss", model.criterion, "forward"),
            ("backward", wrapper, "backward"),
            ("optimizer", wrapper, "step"),
        ):
            setattr(owner, method, self.timed(name, getattr(owner, method)))

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, its time booked under ``name`` while counting."""

        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            if self.counting:
                self.seconds[name] += time.perf_counter() - start
            return result

        return measured

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """The time since the last step went to data."""
        now = time.perf_counter()
        if self.counting:
            self.seconds["data"] += now - self.mark
        self.start = now

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Book the whole step."""
        self.mark = time.perf_counter()
        if self.counting:
            self.seconds["step"] += self.mark - self.start
        self.counting = runner.iter + 1 >= WARM_UP

    def before_val(self, runner: Runner) -> None:
        """Training is over."""
        self.counting = False
        self.start = time.perf_counter()

    def after_val(self, runner: Runner) -> None:
        """Book the evaluation."""
        self.seconds["evaluation"] = time.perf_counter() - self.start


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path("data"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = resolve_data_paths(Config.fromfile(options.config), options.data)
    whole = dict(config.train_cfg)
    config.merge_from_dict(
        {
            "train_cfg.max_iters": options.iterations + WARM_UP,
            "train_cfg.val_interval": options.iterations + WARM_UP,
            "log_level": logging.getLevelName(logging.ERROR),
        }
    )
    prepare(config)
    init_default_scope(config.default_scope)
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner.from_cfg(runnable(config, Path(directory), resume=False))
        runner.register_hook(stopwatch)
        runner.train()
    print(table(stopwatch.seconds, options.iterations, whole["max_iters"], whole["max_iters"] // whole["val_interval"]))


def table(seconds: dict[str, float], measured: int, iterations: int, evaluations: int) -> str:
    """Milliseconds per iteration and shares of a whole run."""
    rows = {name: 1000 * value / measured for name, value in seconds.items() if name not in ("evaluation", "step")}
    rows["loss"] = rows.pop("matching and loss") - rows["matching"]
    step = 1000 * seconds["step"] / measured
    rows["rest of the step"] = step - (sum(rows.values()) - rows["data"])
    rows["evaluation"] = 1000 * seconds["evaluation"] * evaluations / iterations
    total = sum(rows.values())
    lines = [f"| {name} | {value:.1f} | {100 * value / total:.0f} % |" for name, value in rows.items()]
    whole = f"| whole run ({iterations} iterations, {evaluations} evaluations) | {total * iterations / 1000:.0f} s | |"
    return "\n".join(["| Part | ms per iteration | share |", "|---|---|---|", *lines, whole])


if __name__ == "__main__":
    main()

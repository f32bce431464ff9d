"""Where the time of one run goes, part by part, from the loader to the optimizer and the evaluation.

    python scripts/profile_training.py configs/mini/panoptic.py --iterations 40 --threads 1

Trains a few iterations in a temporary directory, evaluates once, and prints milliseconds per iteration, shares of a
whole run of the config, which has more iterations and evaluations, and the share of the machine's best matrix product,
on as many threads, that each part reaches. Multiply-accumulates are those of the first iteration, as m2f.cost.flops
counts them; data, optimizer and metrics have none. Wall time of the CPU; nothing else should run.
"""

import argparse
import functools
import logging
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from m2f.cost.flops import flops, multiply_accumulates
from m2f.cost.images import images_of
from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import prepare
from m2f.engine.freed_memory import keep_freed_memory
from m2f.engine.train import runnable
from m2f.timing.gemm_peak import gemm_peak
from m2f.timing.machine import processor

WARM_UP = 5


class Stopwatch(Hook):
    """Counts the parts of the first training step, and adds up their seconds after the first few."""

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.counted: dict[str, float] = defaultdict(float)  # multiply-accumulates of one iteration
        self.first, self.counting = True, False

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
        """``function``, what it computes booked under ``name`` in the first iteration, its time while counting."""

        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            if self.first:
                results: list[Any] = []
                run = functools.partial(function, *args, **kwargs)
                self.counted[name] += multiply_accumulates(lambda: results.append(run()), gradients=True)
                return results[0]
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
        self.first, self.counting = False, runner.iter + 1 >= WARM_UP

    def before_val(self, runner: Runner) -> None:
        """Training is over."""
        self.counting = False
        self.start = time.perf_counter()

    def after_val(self, runner: Runner) -> None:
        """Book the evaluation: all images are as large as the training crop."""
        self.seconds["evaluation"] = time.perf_counter() - self.start
        images = len(runner.val_dataloader.dataset)
        self.counted["evaluation"] = images * flops(runner.cfg.model.to_dict(), images_of(runner.cfg))


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path("data"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()  # as every training does
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
    peak = gemm_peak(torch.float32, torch.device("cpu"))
    seconds = seconds_an_iteration(stopwatch.seconds, options.iterations, whole["max_iters"], whole["val_interval"])
    print(table(seconds, macs_an_iteration(stopwatch.counted, whole["val_interval"]), peak))
    print(f"\nA whole run of {whole['max_iters']} iterations: {sum(seconds.values()) * whole['max_iters']:.0f} s.")
    print(f"Best matrix product on {options.threads} threads: {2 * peak / 1e9:.0f} GFLOP/s. {processor()}.")


def seconds_an_iteration(
    booked: Mapping[str, float], measured: int, iterations: int, interval: int
) -> dict[str, float]:
    """Seconds of each part in an iteration of a whole run.

    Args:
        booked: seconds of each part in all measured iterations, and of one evaluation.
        measured: iterations.
        iterations: of a whole run.
        interval: iterations from one evaluation to the next.
    """
    whole = {"matching and loss": "loss"}  # holds the matching
    parts = {
        whole.get(name, name): seconds / measured
        for name, seconds in booked.items()
        if name not in ("evaluation", "step")
    }
    parts["loss"] -= parts["matching"]
    within_step = sum(parts.values()) - parts["data"]
    parts["rest of the step"] = booked["step"] / measured - within_step
    parts["evaluation"] = booked["evaluation"] * (iterations // interval) / iterations
    return parts


def macs_an_iteration(counted: Mapping[str, float], interval: int) -> dict[str, float]:
    """Multiply-accumulates of each part that has some, those of evaluations spread over the iterations."""
    macs = dict(counted)
    macs["loss"] = macs.pop("matching and loss") - macs["matching"]
    macs["evaluation"] /= interval
    return macs


def table(seconds: Mapping[str, float], macs: Mapping[str, float], peak: float) -> str:
    """Milliseconds per iteration, shares of the whole, and shares of ``peak``, multiply-accumulates a second."""
    total = sum(seconds.values())
    rows = [
        (
            name,
            f"{1000 * value:.1f}",
            f"{value / total:.0%}",
            f"{macs[name] / value / peak:.0%}" if macs.get(name) else "",
        )
        for name, value in seconds.items()
    ]
    heading = [("Part", "ms per iteration", "share", "of the best matrix product"), ("---", "---:", "---:", "---:")]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*heading, *rows])


if __name__ == "__main__":
    main()

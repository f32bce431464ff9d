"""What happens around training and evaluation: seeds, progress, history, divergence."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce, all_reduce_params, get_dist_info, get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from m2f.engine.processes import from_main
from m2f.errors import InputError
from m2f.files import load_json, write_json
from m2f.registry import HOOKS

ANEW = "remove the run's directory and train again"


class DivergenceError(RuntimeError):
    """The loss is no longer a finite number; training cannot go on."""


@HOOKS.register_module()
class SeedEveryIteration(Hook):
    """Seed torch from (seed, iteration, rank), so that a resumed run draws the points the unbroken one would have.

    In an evaluation the seed is that of the batch, whichever process has it, so that all have what one would draw.

    Args:
        seed: the run's seed.
    """

    priority = "VERY_HIGH"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Reseed."""
        rank, _ = get_dist_info()
        self._seed(runner.iter, rank)

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Reseed."""
        self._seed(batch_number(batch_idx))

    def _seed(self, *place: int) -> None:
        entropy = np.random.SeedSequence([self.seed, *place])
        torch.manual_seed(int(entropy.generate_state(1)[0]))


def batch_number(batch_idx: int) -> int:
    """Place among all batches of an evaluation of this process's batch, see ``m2f.WholeBatches``."""
    rank, world_size = get_dist_info()
    return batch_idx * world_size + rank


@HOOKS.register_module()
class AverageStatistics(Hook):
    """Average the running statistics of batch norms over the processes after every iteration.

    Each has those of its share of the batch; evaluations and checkpoints are to have those of all.
    """

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Average."""
        norms = (norm for norm in runner.model.modules() if isinstance(norm, _BatchNorm) and norm.training)
        statistics = [own for norm in norms for own in (norm.running_mean, norm.running_var) if own is not None]
        all_reduce_params(statistics, op="mean")


@HOOKS.register_module()
class SameProcesses(Hook):
    """Refuse to go on with a training in another number of processes than it began with, which decides the weights."""

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep the number."""
        checkpoint["meta"]["processes"] = get_world_size()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare it, unless only weights are taken over.

        Raises:
            InputError: it is another.
        """
        began = checkpoint.get("meta", {}).get("processes", 1)
        if runner.cfg.resume and began != get_world_size():
            raise InputError(
                f"{runner.work_dir} holds a training by {began} process{'es' * (began > 1)}, and {get_world_size()} "
                f"cannot go on with it; start {began}, or remove the directory to begin anew."
            )


@HOOKS.register_module()
class ShortHistory(Hook):
    """Keep of each logged scalar's history as much as the log averages over.

    mmengine keeps a million values and copies all of them for each new one, so that an iteration's logging would take
    ever longer, and write all of them into every checkpoint.
    """

    def before_train(self, runner: Runner) -> None:
        """Ask the log for its longest window; ``"global"`` wants everything."""
        log = runner.log_processor
        windows = [log.window_size, *(own.get("window_size", 1) for own in log.custom_cfg)]
        self.longest = None if "global" in windows else max(size for size in windows if isinstance(size, int))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Bound the buffers, which drop what is too much with their next value."""
        if self.longest is None:
            return
        for name, buffer in runner.message_hub.log_scalars.items():
            if name.startswith("train/"):
                buffer.max_length = self.longest


@HOOKS.register_module()
class StopAtDivergence(Hook):
    """Raise :class:`DivergenceError` once the loss is infinite or not a number, before a checkpoint is written.

    The loss is the mean over the processes, which takes the place of each one's own in what the iteration gave, so that
    all of them stop at once.
    """

    priority = "VERY_HIGH"

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Look at the loss."""
        assert outputs is not None
        outputs["loss"] = outputs["loss"].detach().clone()
        all_reduce(outputs["loss"], op="mean")
        loss = loss_of(outputs)
        if not math.isfinite(loss):
            raise DivergenceError(f"the loss became {loss} at iteration {runner.iter + 1} of {runner.max_iters}")


def loss_of(outputs: dict[str, Any] | None) -> float:
    """The loss that a training step returned."""
    assert outputs is not None
    return float(outputs["loss"].detach())


@HOOKS.register_module()
class Progress(Hook):
    """Keep ``progress.json`` (where the run is) and ``timing.json`` (where its seconds went) in the work directory.

    Args:
        every: least number of seconds between two writes of ``progress.json`` while training.
    """

    priority = "LOWEST"

    def __init__(self, every: float = 1.0) -> None:
        self.every = every
        self.written = 0.0
        self.seconds = {"data": 0.0, "train": 0.0, "evaluate": 0.0}

    def before_run(self, runner: Runner) -> None:
        """Take up the seconds that an earlier, interrupted process of the same run has spent."""
        path = Path(runner.work_dir) / "timing.json"
        if path.exists():
            spent = load_json(path, mend=ANEW)["seconds"]
            self.seconds = {on: spent[on] for on in self.seconds}

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.first = runner.iter
        self.started = self.mark = time.perf_counter()
        self.evaluating = 0.0

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """The time since the last iteration went to data."""
        self._spend("data")

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Write the iteration, the loss and the time left, if it is time to."""
        self._spend("train")
        if self.mark - self.written < self.every:
            return
        done = runner.iter + 1
        spent = self.mark - self.started - self.evaluating
        eta = spent / (done - self.first) * (runner.max_iters - done)
        self._write(runner, "train", done, loss_of(outputs), eta)

    def before_val(self, runner: Runner) -> None:
        """Say that evaluation has begun."""
        self.mark = time.perf_counter()
        self._write(runner, "evaluate", runner.iter)

    def after_val(self, runner: Runner) -> None:
        """Book the evaluation and write ``timing.json``."""
        before = self.mark
        self._spend("evaluate")
        self.evaluating = getattr(self, "evaluating", 0.0) + self.mark - before
        write_timing(Path(runner.work_dir), self.seconds)

    def _spend(self, on: str) -> None:
        now = time.perf_counter()
        self.seconds[on] += now - self.mark
        self.mark = now

    def _write(
        self, runner: Runner, phase: str, iteration: int, loss: float | None = None, eta: float | None = None
    ) -> None:
        self.written = time.perf_counter()
        write_progress(Path(runner.work_dir), phase, iteration, runner.max_iters, loss, eta)


@HOOKS.register_module()
class EvaluationProgress(Hook):
    """``progress.json`` and ``timing.json`` of a run that only evaluates, as :class:`Progress` keeps them; in batches.

    Args:
        every: least number of seconds between two writes of ``progress.json``.
    """

    priority = "LOWEST"

    def __init__(self, every: float = 1.0) -> None:
        self.every = every

    def before_val(self, runner: Runner) -> None:
        """Start the clock."""
        self.started = self.written = time.perf_counter()
        write_progress(Path(runner.work_dir), "evaluate", 0, len(runner.val_dataloader))

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Write the batches done and the time left, if it is time to."""
        done, batches, now = batch_idx + 1, len(runner.val_dataloader), time.perf_counter()
        if now - self.written >= self.every or done == batches:
            self.written = now
            eta = (now - self.started) / done * (batches - done)
            write_progress(Path(runner.work_dir), "evaluate", done, batches, eta=eta)

    def after_val(self, runner: Runner) -> None:
        """Write ``timing.json``."""
        spent = time.perf_counter() - self.started
        write_timing(Path(runner.work_dir), {"data": 0.0, "train": 0.0, "evaluate": spent})


@master_only
def write_progress(
    work_dir: Path, phase: str, iteration: int, iterations: int, loss: float | None = None, eta: float | None = None
) -> None:
    """Write ``progress.json``; ``eta`` is the seconds left."""
    progress = {
        "phase": phase,
        "iteration": iteration,
        "iterations": iterations,
        "loss": loss if loss is not None and math.isfinite(loss) else None,
        "eta_seconds": eta,
        "updated": time.time(),
    }
    write_json(work_dir / "progress.json", progress, lasting=False)


@master_only
def write_timing(work_dir: Path, seconds: dict[str, float]) -> None:
    """Write ``timing.json``."""
    write_json(work_dir / "timing.json", {"seconds": {**seconds, "total": sum(seconds.values())}})


@HOOKS.register_module()
class History(Hook):
    """Keep every evaluation's metrics in ``history.json``: ``[{iteration, metrics}, ...]``.

    A run that was killed during an evaluation makes up for it before it trains on.
    """

    priority = "LOW"

    def before_train(self, runner: Runner) -> None:
        """Evaluate now if the checkpoint was written at an evaluation that never finished."""
        due = runner.iter > 0 and (runner.iter % runner.val_interval == 0 or runner.iter == runner.max_iters)
        history = from_main(read_history(Path(runner.work_dir)))
        if due and runner.iter not in {entry["iteration"] for entry in history}:
            runner.val_loop.run()

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add the evaluation, in the place of one of the same iteration."""
        work_dir = Path(runner.work_dir)
        kept = [entry for entry in read_history(work_dir) if entry["iteration"] < runner.iter]
        write_json(work_dir / "history.json", [*kept, {"iteration": runner.iter, "metrics": finite(metrics or {})}])


def finite(metrics: dict[str, float]) -> dict[str, float]:
    """The metrics that are numbers."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def read_history(work_dir: Path) -> list[dict[str, Any]]:
    """The evaluations so far, oldest first; empty before the first."""
    path = work_dir / "history.json"
    return load_json(path, mend=ANEW) if path.exists() else []

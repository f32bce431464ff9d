"""Checkpoints besides those of the config's interval: in time, and before a training is stopped."""

import signal
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from m2f.engine.accumulation import on_the_way
from m2f.engine.resume import newest_first
from m2f.engine.stopping import end, requested
from m2f.files import write_atomically
from m2f.registry import HOOKS

HALF_AN_HOUR = 1800.0


@HOOKS.register_module()
class TimelyCheckpoints(Hook):
    """Write a checkpoint when the last is half an hour old or the process is asked to end, and then end.

    It runs after mmengine's ``CheckpointHook``, which writes at the config's interval. It also removes what is not to
    be kept, which that hook would do before the new checkpoint is there.

    In an evaluation nothing is written: hooks such as mmengine's ``EMAHook`` have put other weights in the place of
    those that are trained. So what an evaluation that is broken off would lose is written before it begins.

    Args:
        interval: iterations between the config's own checkpoints.
        keep: how many stay, the newest; if not positive, all of the config's own do, and the newest.
        every: most seconds between two checkpoints, as long as iterations are shorter; evaluations lose nothing.
    """

    priority = "LOWEST"

    def __init__(self, interval: int = -1, keep: int = -1, every: float = HALF_AN_HOUR) -> None:
        self.interval = interval
        self.keep = keep
        self.every = every
        self.newest = 0

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """A training that goes on has a checkpoint of where it begins."""
        if runner.cfg.resume:
            self.newest = checkpoint["meta"]["iter"]

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.written = time.monotonic()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Write if it is time to; of several processes all end after the same iteration."""
        done = runner.iter + 1
        if Path(runner.message_hub.get_info("last_ckpt", "")).name == checkpoint_name(done):
            self._is_written(runner, done)
        if on_the_way(runner.cfg, done):
            return
        request = agreed(requested())
        if request or time.monotonic() - self.written >= self.every:
            self._write(runner, done)
        self._end_if(runner, request)

    def before_val(self, runner: Runner) -> None:
        """Write, while all weights are in their places: ``EMAHook`` swaps them in ``before_val_epoch``."""
        if not on_the_way(runner.cfg, runner.iter):
            self._write(runner, runner.iter)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """End if that is requested, each process by itself: they may have different numbers of batches."""
        self._end_if(runner, requested())

    def _end_if(self, runner: Runner, request: int) -> None:
        """Do what a request to end asks for, now that the newest checkpoint has all there is."""
        if request:
            name = signal.Signals(request).name
            runner.logger.info(f"Stopped by {name}; the same command goes on from iteration {self.newest}.")
            end(request)

    def _write(self, runner: Runner, done: int) -> None:
        """Write a checkpoint as mmengine does, unless there is one of so many iterations.

        Where that fails, the older ones are still there and have to do.
        """
        if self.newest == done:
            return
        path = Path(runner.work_dir, checkpoint_name(done))
        try:
            place = {"epoch": runner.epoch, "iter": done}
            runner.save_checkpoint(runner.work_dir, path.name, meta=place, by_epoch=False)
            if is_main_process():
                write_atomically(path.with_name("last_checkpoint"), str(path).encode())
        except OSError as error:
            self.written = time.monotonic()
            path.unlink(missing_ok=True)
            runner.logger.warning(f"{path} cannot be written ({error.strerror}); make room on the disk.")
        else:
            self._is_written(runner, done)

    def _is_written(self, runner: Runner, done: int) -> None:
        """Remove what need not be kept, now that a newer checkpoint is whole."""
        self.newest, self.written = done, time.monotonic()
        if is_main_process():
            older = [(iteration, path) for iteration, path in newest_first(Path(runner.work_dir)) if iteration < done]
            for place, (iteration, path) in enumerate(older, start=2):
                if place > self.keep if self.keep > 0 else self._is_between(iteration):
                    path.unlink(missing_ok=True)

    def _is_between(self, iteration: int) -> bool:
        """Whether the config's interval asks for no checkpoint of an iteration."""
        return self.interval < 1 or iteration % self.interval != 0


def checkpoint_name(iteration: int) -> str:
    """The file of the checkpoint after so many iterations, as mmengine names it."""
    return f"iter_{iteration}.pth"


def agreed(request: int) -> int:
    """The signal that has asked any of the processes to end; 0 if none has."""
    if get_world_size() == 1:
        return request
    highest = torch.tensor([request])
    all_reduce(highest, op="max")
    return int(highest)

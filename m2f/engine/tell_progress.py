"""Telling the model how far its training is."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from m2f.models.training_progress import TrainingProgress
from m2f.registry import HOOKS


@HOOKS.register_module()
class TellProgress(Hook):
    """Tell the parts that ask for it how far the training is: iterations done, as a share of all.

    It comes from the number of the iteration, so that a training that was killed goes on where it would have been; and
    after an iteration before all else, so that its evaluation and its checkpoint have it.
    """

    priority = "VERY_HIGH"

    def before_train(self, runner: Runner) -> None:
        """Tell it at the beginning, and where a training goes on."""
        self._tell(runner, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Tell it."""
        self._tell(runner, runner.iter + 1)

    @staticmethod
    def _tell(runner: Runner, done: int) -> None:
        for module in runner.model.modules():
            if isinstance(module, TrainingProgress):
                module.tell(done / runner.max_iters)

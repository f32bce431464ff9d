from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook
from torch import nn

from m2f.engine.tell_progress import TellProgress
from m2f.models.training_progress import TrainingProgress
from m2f.registry import HOOKS


@pytest.mark.parametrize("iterations", [4, 300])
def test_it_is_the_share_of_iterations_done(iterations):
    model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(TrainingProgress()))
    runner = SimpleNamespace(model=model, iter=0, max_iters=iterations)
    hook = HOOKS.build({"type": "m2f.TellProgress"})
    hook.before_train(runner)
    seen = []
    for runner.iter in range(iterations):
        seen.append(model[1][0].value)
        hook.after_train_iter(runner, runner.iter)
    assert seen == [done / iterations for done in range(iterations)]
    assert model[1][0].value == 1


def test_a_training_that_goes_on_is_where_it_was():
    model = nn.Sequential(TrainingProgress())
    TellProgress().before_train(SimpleNamespace(model=model, iter=75, max_iters=300))
    assert model[0].value == 0.25


def test_checkpoints_are_written_after_it():
    from mmengine.hooks.hook import Hook
    from mmengine.runner.priority import get_priority

    assert isinstance(TellProgress(), Hook)
    assert get_priority(TellProgress.priority) < get_priority(CheckpointHook.priority)

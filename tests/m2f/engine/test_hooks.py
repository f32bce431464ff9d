import numpy as np
import pytest
from mmengine.model import BaseModel
from mmengine.runner import Runner

from m2f.engine.hooks import ShortHistory
from m2f.engine.train import training_hooks

ITERATIONS, WINDOW = 50_000, 50


class Nothing(BaseModel):
    """A model whose step does nothing."""

    def forward(self, inputs, data_samples=None, mode="loss"):
        raise NotImplementedError


@pytest.fixture
def runner(tmp_path):
    """What hooks of a training see of a runner, which logs."""
    return Runner(
        Nothing(),
        work_dir=str(tmp_path),
        train_dataloader={"dataset": [0], "sampler": {"type": "InfiniteSampler"}, "batch_size": 1},
        train_cfg={"by_epoch": False, "max_iters": ITERATIONS},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        log_processor={"by_epoch": False, "window_size": WINDOW},
        log_level="ERROR",
        experiment_name=tmp_path.name,
        default_scope="m2f",
    )


def lengths(runner):
    return [len(buffer.data[0]) for buffer in runner.message_hub.log_scalars.values()]


def test_the_last_iteration_keeps_as_much_as_the_first_ones(runner):
    hook = ShortHistory()
    hook.before_train(runner)
    most = []
    for iteration in range(ITERATIONS):
        runner.message_hub.update_scalars({"train/loss": float(iteration), "train/time": 0.5})
        hook.after_train_iter(runner, iteration)
        most.append(max(lengths(runner)))
    assert most[WINDOW - 1] == most[-1] == max(most) == WINDOW
    assert runner.message_hub.get_scalar("train/loss").mean(WINDOW) == ITERATIONS - (WINDOW + 1) / 2


@pytest.mark.parametrize(
    ("custom", "kept"),
    [
        ([{"data_src": "loss", "window_size": 70, "method_name": "max"}], 70),
        ([{"data_src": "loss", "window_size": "global", "method_name": "max"}], 100),
        ([{"data_src": "loss", "method_name": "current"}], WINDOW),
    ],
)
def test_as_much_as_the_log_asks_for(runner, custom, kept):
    runner.log_processor.custom_cfg = custom
    hook = ShortHistory()
    hook.before_train(runner)
    for iteration in range(100):
        runner.message_hub.update_scalar("train/loss", float(iteration))
        runner.message_hub.update_scalar("val/time", 0.5)
        hook.after_train_iter(runner, iteration)
    assert lengths(runner) == [kept, 100]  # an evaluation's times are averaged over all of it


def test_the_log_is_what_it_is_without_the_hook(runner):
    hook, whole, bounded = ShortHistory(), [], []
    hook.before_train(runner)
    values = np.random.default_rng(0).normal(size=120)
    for log, act in ((whole, lambda *_: None), (bounded, hook.after_train_iter)):
        runner.message_hub.log_scalars.clear()
        for iteration, value in enumerate(values):
            runner.message_hub.update_scalars({"train/loss": float(value), "train/d0.loss": float(2 * value)})
            act(runner, iteration)
            log.append(runner.log_processor.get_log_after_iter(runner, iteration, "train"))
    assert bounded == whole
    assert bounded[-1][0]["loss"] == pytest.approx(values[-WINDOW:].mean())


def test_every_training_has_the_hook(smoke):
    assert {"type": "m2f.ShortHistory"} in training_hooks(smoke())

import pytest

from m2f.engine.accumulation import on_the_way, require_whole_steps
from m2f.errors import InputError


def config(counts=None, iterations=10, evaluation=1000, **checkpoint):
    wrapper = {} if counts is None else {"accumulative_counts": counts}
    training = {"max_iters": iterations, "val_interval": evaluation}
    return {"optim_wrapper": wrapper, "train_cfg": training, "default_hooks": {"checkpoint": checkpoint}}


def test_the_last_step_is_whole_whatever_its_iterations():
    assert [done for done in range(11) if on_the_way(config(4), done)] == [1, 2, 3, 5, 6, 7, 9]
    assert not any(on_the_way(config(), done) for done in range(11))


@pytest.mark.parametrize(
    "whole",
    [
        config(evaluation=7, interval=3),
        config(1, evaluation=7, interval=3),
        config(3, evaluation=9, interval=3),
        config(3, evaluation=10, interval=1000),  # at the end alone
        config(3, interval=-1),
        {**config(3), "default_hooks": {"checkpoint": None}},
        {**config(3), "default_hooks": {}},
    ],
)
def test_intervals_of_whole_steps(whole):
    require_whole_steps(whole, "own/panoptic.py")


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (config(3, evaluation=5), "'train_cfg.val_interval' is 5, no multiple of .* = 3; set it to 6,"),
        (config(3, interval=1), "'default_hooks.checkpoint.interval' is 1, no multiple of .* = 3; set it to 3,"),
        (config(3, interval=3, save_begin=2), "'default_hooks.checkpoint.save_begin' is 2, no multiple of"),
    ],
)
def test_intervals_that_cut_steps(cut, words):
    with pytest.raises(InputError, match=f"^own/panoptic.py: {words}"):
        require_whole_steps(cut, "own/panoptic.py")

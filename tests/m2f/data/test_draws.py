import random

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from m2f.data import draws
from m2f.data.draws import DrawSampler, EndlessDraws


class Noisy:
    """A data set of 5 items with random augmentation by both generators."""

    metainfo = {"classes": ("a",)}

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return index, random.random(), np.random.rand()


@pytest.fixture
def ranked(monkeypatch):
    def build(rank, world_size):
        monkeypatch.setattr(draws, "get_dist_info", lambda: (rank, world_size))
        return DrawSampler(EndlessDraws(Noisy(), seed=0))

    return build


def take(sampler, count):
    iterator = iter(sampler)
    return [next(iterator) for _ in range(count)]


def test_draw_is_a_function_of_seed_and_position():
    stream = EndlessDraws(Noisy(), seed=1)
    forward = [stream[draw] for draw in range(12)]
    assert [EndlessDraws(Noisy(), seed=1)[draw] for draw in reversed(range(12))] == forward[::-1]
    assert [EndlessDraws(Noisy(), seed=2)[draw] for draw in range(12)] != forward


def test_every_epoch_shows_every_item_once_in_a_new_order():
    stream = EndlessDraws(Noisy(), seed=0)
    epochs = [[stream[5 * epoch + position][0] for position in range(5)] for epoch in range(6)]
    assert all(sorted(epoch) == list(range(5)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_augmentation_differs_between_epochs():
    stream = EndlessDraws(Noisy(), seed=0)
    assert len({stream[draw][1:] for draw in range(50)}) == 50


def test_ranks_share_the_draws(ranked):
    shares = [take(ranked(rank, 3), 4) for rank in range(3)]
    assert shares == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_skipping_continues_where_the_training_stopped(ranked):
    sampler = ranked(1, 2)
    expected = take(sampler, 10)[6:]
    sampler.skip(6)
    assert take(sampler, 4) == expected


def first_batches(loader, count):
    iterator = iter(loader)
    return [next(iterator) for _ in range(count)]


def same(batch, other):
    pairs = zip(batch["inputs"], other["inputs"], strict=True)
    samples = zip(batch["data_samples"], other["data_samples"], strict=True)
    return all(torch.equal(a, b) for a, b in pairs) and all(
        torch.equal(a.gt_instances.masks, b.gt_instances.masks) for a, b in samples
    )


def test_workers_and_resuming_do_not_change_the_samples(load_config):
    settings = load_config("scenes_panoptic").train_dataloader
    settings.batch_size = 4
    expected = first_batches(Runner.build_dataloader(settings), 5)
    settings.num_workers = 2
    assert all(map(same, first_batches(Runner.build_dataloader(settings), 5), expected))
    settings.num_workers = 0
    resumed = Runner.build_dataloader(settings)
    resumed.sampler.skip(3 * 4)
    assert all(map(same, first_batches(resumed, 2), expected[3:]))


def test_metainfo_is_the_data_sets():
    assert EndlessDraws(Noisy(), seed=0).metainfo == Noisy.metainfo

"""An endless, reproducible stream of training samples."""

import random
from collections.abc import Iterator, Sized
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from m2f.registry import DATA_SAMPLERS, DATASETS

MAXIMUM_DRAWS = 2**40


@DATASETS.register_module()
class EndlessDraws(Dataset):
    """Item ``d`` is the ``d``-th draw from a data set that is shuffled anew in every epoch.

    Python's and NumPy's global generators are seeded before the pipeline runs, so a draw, augmentation included, is a
    pure function of (seed, d): the number of workers and the place at which a training resumed do not change it.

    Args:
        dataset: config of the data set, or the data set.
        seed: seed of the order and of the augmentation.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.seed = seed
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    @property
    def metainfo(self) -> dict[str, Any]:
        """The metainfo of the data set."""
        return self.dataset.metainfo

    def __len__(self) -> int:
        return MAXIMUM_DRAWS

    def __getitem__(self, draw: int) -> Any:
        epoch, position = divmod(draw, len(self.dataset))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))
        state = np.random.SeedSequence([self.seed, draw]).generate_state(4)
        random.seed(state.tobytes())
        np.random.seed(state)
        return self.dataset[int(self._order[position])]


@DATA_SAMPLERS.register_module()
class DrawSampler(Sampler):
    """Draws in their order: rank r of w takes r, r + w, r + 2w, ...

    Args:
        dataset: an ``EndlessDraws``, which knows how many draws there are.
        seed: not needed; the draws are seeded. mmengine gives every sampler one.
    """

    def __init__(self, dataset: Sized, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.draws = len(dataset)
        self.first = 0

    def skip(self, num_samples: int) -> None:
        """Start after this rank's first ``num_samples`` draws: a resumed training does not load them again."""
        self.first = num_samples

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank + self.first * self.world_size, self.draws, self.world_size))

    def __len__(self) -> int:
        return self.draws // self.world_size

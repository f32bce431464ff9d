"""Whole batches for every process of an evaluation."""

from collections.abc import Iterator, Sized

from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from m2f.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class WholeBatches(Sampler):
    """A data set's batches in their order: rank r of w takes batches r, r + w, ...

    What a model predicts for an image may depend, in padding and in the last bits, on the images beside it; whole
    batches are the same whatever the number of processes. All processes have as many batches: one that would have one
    fewer takes the last of all once more, and ``m2f.SharedEvaluator`` leaves that out.

    Args:
        dataset: the data set.
        batch_size: images a batch.
        seed: not needed; nothing is drawn. mmengine gives every sampler one.
    """

    def __init__(self, dataset: Sized, batch_size: int, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.size = len(dataset)
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[int]:
        last = -(-self.size // self.batch_size) - 1
        for turn in range(self.rank, last + self.world_size - last % self.world_size, self.world_size):
            first = min(turn, last) * self.batch_size
            yield from range(first, min(first + self.batch_size, self.size))

    def __len__(self) -> int:
        return sum(1 for _ in self)

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from m2f.data import batches
from m2f.data.batches import WholeBatches

NUMBERS = {"size": st.integers(1, 40), "batch_size": st.integers(1, 9), "processes": st.integers(1, 5)}


def batches_of(rank, size, batch_size, processes):
    with patch.object(batches, "get_dist_info", lambda: (rank, processes)):
        sampler = WholeBatches(range(size), batch_size)
    loader = DataLoader(range(size), batch_size, sampler=sampler, collate_fn=tuple)
    taken = list(loader)
    assert len(taken) == len(loader)
    return taken


@given(**NUMBERS)
def test_processes_take_the_batches_of_one_in_turn(size, batch_size, processes):
    alone = batches_of(0, size, batch_size, 1)
    assert [image for batch in alone for image in batch] == list(range(size))
    shares = [batches_of(rank, size, batch_size, processes) for rank in range(processes)]
    assert len({len(share) for share in shares}) == 1
    in_turn = [batch for turn in zip(*shares, strict=True) for batch in turn]
    assert in_turn == alone + [alone[-1]] * (len(in_turn) - len(alone))
    assert len(in_turn) < len(alone) + processes

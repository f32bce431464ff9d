"""What a run does that has several processes, each with a GPU or a share of the cores, and its part of every batch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

import torch
from mmengine.dist import broadcast_object_list, gather_object, get_world_size, is_distributed
from torch import distributed

from m2f.errors import InputError

PATIENCE = timedelta(minutes=30)
"""For a process that is alive and keeps the others waiting, with metrics for instance; a dead one ends them at once."""

_groups = count()


@contextmanager
def joined_processes() -> Iterator[None]:
    """Join the processes that torchrun started along with this one, for as long as the block lasts.

    They talk over nccl where there are GPUs, else over gloo. A process that torchrun did not start, or started alone,
    has no others, and whoever has joined them already leaves them himself. An exception leaves the group as it is: the
    others may be waiting in the middle of anything, and whoever started them ends them.

    Raises:
        InputError: there are more processes than GPUs.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or is_distributed():
        yield
        return
    # Under the names of an earlier group of these processes they would find addresses that are no more, and wait.
    store, rank, world_size = _meeting_place()
    names = distributed.PrefixStore(f"m2f/{next(_groups)}", store)
    distributed.init_process_group(own_backend(), store=names, rank=rank, world_size=world_size, timeout=PATIENCE)
    yield
    # A process that ends while another still talks to it takes that one's gloo down with it: leave together.
    distributed.barrier()
    distributed.destroy_process_group()


@cache
def _meeting_place() -> tuple[distributed.Store, int, int]:
    return next(distributed.rendezvous("env://", timeout=PATIENCE))


def own_backend() -> str:
    """Take this process's GPU, if the machine has any, and give the name of what its processes talk over."""
    if not torch.cuda.is_available():
        return "gloo"
    gpu, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if gpu >= gpus:
        processes = os.environ["LOCAL_WORLD_SIZE"]
        raise InputError(f"{processes} processes need as many GPUs, and there are {gpus}; start no more than {gpus}.")
    torch.cuda.set_device(gpu)
    return "nccl"


def processes_here() -> int:
    """How many of the processes that do this work together are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def share_of_batch(batch_size: int) -> int:
    """How many images of a batch each process trains on.

    Raises:
        InputError: they cannot be shared equally.
    """
    share, rest = divmod(batch_size, get_world_size())
    if rest:
        raise InputError(
            f"train_dataloader.batch_size is {batch_size}, which {get_world_size()} processes cannot share equally; "
            "start a number of processes that divides it."
        )
    return share


def gather_on_cpu(value: Any) -> list[Any]:
    """All processes' values, in their order, in the main one; empty in the others. GPUs have no part in it."""
    if get_world_size() == 1:
        return [value]
    assert distributed.group.WORLD is not None
    return gather_object(value, group=_cpu_group(distributed.group.WORLD)) or []


@cache
def _cpu_group(everyone: distributed.ProcessGroup) -> distributed.ProcessGroup:
    if distributed.get_backend(everyone) == "gloo":
        return everyone
    return distributed.new_group(backend="gloo", timeout=PATIENCE)


def from_main(value: Any) -> Any:
    """The main process's value, in all of them."""
    values = [value]
    broadcast_object_list(values)
    return values[0]

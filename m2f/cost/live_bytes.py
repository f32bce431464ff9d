"""Counts the bytes of all tensors that are alive, by the part of the computation that made them."""

import weakref
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """While this mode is on, every tensor's storage counts from its birth to its release, once for all its views.

    What the backward pass makes belongs to the part whose forward pass it differentiates. Memory that an operator
    takes and gives back before it returns is not seen.

    Attributes:
        alive: bytes now alive by part.
        peak: the most bytes that were alive at any time.
        at_peak: those bytes by part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alive: Counter[str] = Counter()
        self.peak = 0
        self.at_peak: dict[str, int] = {}
        self._total = 0
        self._storages: set[int] = set()
        self._part = "other"
        # Autograd numbers its nodes as they are made: from each of these numbers on they are the part's.
        self._first_nodes = [-1]
        self._parts_of_nodes = [self._part]

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operator and count what it made."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.count(leaf)
        return result

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is made inside belongs to the part ``name``, innermost first."""
        outer = self._part
        self._enter(name)
        yield
        self._enter(outer)

    def count(self, tensor: Tensor) -> None:
        """Count a tensor unless it shares the storage of one that is counted."""
        storage = tensor.untyped_storage()
        address, size, part = storage._cdata, storage.nbytes(), self._current_part()
        if address in self._storages:
            return
        self._storages.add(address)
        weakref.finalize(storage, self._release, address, size, part)
        self.alive[part] += size
        self._total += size
        if self._total > self.peak:
            self.peak, self.at_peak = self._total, dict(self.alive)

    def _release(self, address: int, size: int, part: str) -> None:
        self._storages.remove(address)
        self.alive[part] -= size
        self._total -= size

    def _enter(self, name: str) -> None:
        self._part = name
        self._first_nodes.append(torch._C._autograd._get_sequence_nr())
        self._parts_of_nodes.append(name)

    def _current_part(self) -> str:
        node = torch._C._current_autograd_node()
        if node is None:
            return self._part
        return self._parts_of_nodes[bisect(self._first_nodes, node._sequence_nr()) - 1]

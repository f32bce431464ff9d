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

    Works on any device, the meta device included. What the backward pass makes belongs to the part whose forward pass
    it differentiates. What an operator takes and gives back before it returns is not seen; on the other hand a few
    gradients that torch would compute in place are not while a mode is on.

    Attributes:
        alive: bytes alive now, by part.
        peak: the most bytes that were alive at any time.
        at_peak: those bytes, by part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alive: Counter[str] = Counter()
        self.peak = 0
        self.at_peak: Counter[str] = Counter()
        self._owners: dict[int, tuple[str, int]] = {}  # part and bytes, by the storage's address
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
        """What is made inside belongs to the part ``name``, or to another inside it."""
        outer = self._part
        self._enter(name)
        yield
        self._enter(outer)

    def count(self, tensor: Tensor) -> None:
        """Count a tensor for the current part, unless its storage is counted already."""
        storage = tensor.untyped_storage()
        address = storage._cdata
        if address in self._owners:
            return
        weakref.finalize(storage, self._release, address)
        self._own(address, self._current_part(), storage.nbytes())
        if self.alive.total() > self.peak:
            self.peak, self.at_peak = self.alive.total(), self.alive.copy()

    def give(self, tensor: Tensor, part: str) -> None:
        """Count a tensor that is counted already for another part from now on."""
        storage = tensor.untyped_storage()
        self._release(storage._cdata)
        self._own(storage._cdata, part, storage.nbytes())

    def _own(self, address: int, part: str, size: int) -> None:
        self._owners[address] = (part, size)
        self.alive[part] += size

    def _release(self, address: int) -> None:
        part, size = self._owners.pop(address)
        self.alive[part] -= size

    def _enter(self, name: str) -> None:
        self._part = name
        self._first_nodes.append(torch._C._autograd._get_sequence_nr())
        self._parts_of_nodes.append(name)

    def _current_part(self) -> str:
        node = torch._C._current_autograd_node()
        if node is None:
            return self._part
        return self._parts_of_nodes[bisect(self._first_nodes, node._sequence_nr()) - 1]

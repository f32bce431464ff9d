"""transformers' Mask2Former under ``torch.compile``, with our weights."""

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from m2f.errors import InputError
from m2f.models import Mask2Former
from m2f.peers.settings import require_papers_design
from m2f.peers.transformers_peer import TransformersPeer, with_weights


class CompiledPeer(TransformersPeer):
    """transformers' model, loss included, compiled by inductor for one size of images at a time."""

    compiles = True

    def __init__(self, model_config: Mapping[str, Any]) -> None:
        super().__init__(model_config)
        self.segmenter.compile(dynamic=False)
        self.shape: torch.Size | None = None

    def loss(self, images: Tensor, labels: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
        """See :meth:`Peer.loss`."""
        self._forget_other_shapes(images)
        return super().loss(images, labels, masks)

    def infer(self, images: Tensor) -> Any:
        """See :meth:`TransformersPeer.infer`."""
        self._forget_other_shapes(images)
        return super().infer(images)

    def _forget_other_shapes(self, images: Tensor) -> None:
        """torch keeps eight programs a function and then runs it uncompiled: those of other sizes make room."""
        if images.shape != self.shape:
            torch.compiler.reset()
            self.shape = images.shape


def compiled_peer(model_config: Mapping[str, Any], ours: Mask2Former) -> CompiledPeer:
    """transformers' model of the same sizes and with the same weights as ours, to be compiled when first called.

    Args:
        model_config: the ``model`` of a config, from which ``ours`` was built.
        ours: the model that gives its weights.

    Raises:
        InputError: there is no C++ compiler, transformers is not installed, or cannot be built in these sizes.
    """
    require_papers_design(model_config)
    compiler = os.environ.get("CXX", "g++")  # inductor's choice
    if shutil.which(compiler) is None:
        raise InputError(
            f"torch.compile needs a C++ compiler, and there is no {compiler}; install it or name one in CXX."
        )
    return with_weights(CompiledPeer(model_config), ours)

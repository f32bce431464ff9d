"""What is asked of every implementation."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn


class Peer(nn.Module):
    """A model of one library behind calls that mean the same for all libraries.

    Attributes:
        trains: whether it has a loss that can be learnt from.
        compiles: whether the first call for a size of images builds a program for it, with memory of its own.
    """

    trains: ClassVar[bool] = True
    compiles: ClassVar[bool] = False

    def loss(self, images: Tensor, labels: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
        """The total training loss, a scalar, over all layers.

        Args:
            images: ``[B, 3, H, W]``, normalised.
            labels: per image ``[N]`` int64.
            masks: per image boolean ``[N, H, W]``.
        """
        raise NotImplementedError

    def predict(self, images: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Mapping[str, Any]]:
        """Segment images as the library does it itself.

        Args:
            images: ``[B, 3, H, W]``, normalised.
            sizes: each image's original (height, width), at which its results are wanted.

        Returns:
            Per image the library's own results by task: ``panoptic``, ``instance`` and, where the library has it,
            ``semantic``.
        """
        raise NotImplementedError

    def last_layer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What a prediction starts from: class logits ``[B, Q, K + 1]`` and mask logits ``[B, Q, H/4, W/4]``.

        The library computes no more for it than it does in :meth:`predict`.
        """
        raise NotImplementedError

    def decode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Every layer's class logits ``[L, B, Q, K + 1]`` and mask logits ``[L, B, Q, H/4, W/4]``."""
        raise NotImplementedError

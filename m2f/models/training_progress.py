"""How far the training is, for modules that change with it."""

import torch
from torch import Tensor, nn

UNTOLD = -1.0


class TrainingProgress(nn.Module):
    """A part that knows how far the training is, from 0 at its beginning to 1 at its end, the same at every scale.

    ``m2f.TellProgress`` tells it around every iteration, and checkpoints keep it, so that a model that is evaluated
    again is where it was. Untold, a module that trains is at the beginning, and one that answers is at the end: so
    costs are those of a training's first step, and of the trained model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: Tensor
        self.register_buffer("told", torch.tensor(UNTOLD))
        self._value = UNTOLD  # as the buffer, which may lie on a GPU or nowhere

    @property
    def value(self) -> float:
        """In [0, 1]."""
        if self._value != UNTOLD:
            return self._value
        return 0.0 if self.training else 1.0

    def tell(self, value: float) -> None:
        """Take up how far the training is."""
        self.told.fill_(value)
        self._value = value

    def _load_from_state_dict(self, *arguments: object) -> None:
        super()._load_from_state_dict(*arguments)
        self._value = self.told.item()

"""What a self-test of a store's machine measured: how fast its device trains."""

import json
from dataclasses import dataclass
from pathlib import Path

from m2f.errors import InputError
from m2f.files import read_regular

FILE = "selftest.json"


@dataclass(frozen=True)
class Selftest:
    """A measured training step.

    Attributes:
        device: what computed it, ``cpu`` or a GPU's name.
        speed: FLOPs a second, two for each multiply-accumulate.
    """

    device: str
    speed: float

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU computed it."""
        return self.device.lower() != "cpu"


def read_selftest(store: Path) -> Selftest | None:
    """The self-test in a store; None if there is none.

    ``selftest.json`` holds at least ``{"device": "NVIDIA A100", "training_step": {"seconds": 0.5, "flops": 6e12}}``,
    the FLOPs of the whole step, two for each multiply-accumulate.

    Raises:
        InputError: the file tells no speed.
    """
    path = store / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(read_regular(path))
        device, step = content["device"], content["training_step"]
        speed = step["flops"] / step["seconds"]
        if not (isinstance(device, str) and speed > 0):
            raise ValueError(speed)
    except (OSError, KeyError, TypeError, ValueError, ZeroDivisionError, RecursionError) as error:
        raise InputError(f"{path} tells no device and speed; make the self-test again, or remove it.") from error
    return Selftest(device, speed)

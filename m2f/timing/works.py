"""The works that are measured: a training step, a prediction and its forward pass of any library, in a precision."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from m2f.peers import Peer
from m2f.timing.inputs import Inputs

OURS = "m2f"  # beside the names in ``m2f.peers.PEERS``
WORKS = ("train", "predict", "forward")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Work = Callable[[], object]


def main_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which a model computes in a precision of ``PRECISIONS``; its weights are float32 in all."""
    return nullcontext() if precision == "float32" else torch.autocast(device.type, PRECISIONS[precision])


def work_of(peer: Peer, work: str, inputs: Inputs, precision: str) -> Work:
    """A function that does one of ``WORKS`` once."""
    return {"train": training_step, "predict": prediction, "forward": forward_pass}[work](peer, inputs, precision)


def training_step(peer: Peer, inputs: Inputs, precision: str) -> Work:
    """A function that goes forward, to the loss and backward; gradients are new each time."""

    def run() -> None:
        peer.train()
        peer.zero_grad()
        with autocast(inputs.images.device, precision):
            loss = peer.loss(inputs.images, inputs.labels, inputs.masks)
        loss.backward()

    return run


def prediction(peer: Peer, inputs: Inputs, precision: str) -> Work:
    """A function that segments the images."""

    @torch.no_grad()
    def run() -> None:
        peer.eval()
        with autocast(inputs.images.device, precision):
            peer.predict(inputs.images, inputs.sizes)

    return run


def forward_pass(peer: Peer, inputs: Inputs, precision: str) -> Work:
    """A function that computes what a prediction starts from."""

    @torch.no_grad()
    def run() -> None:
        peer.eval()
        with autocast(inputs.images.device, precision):
            peer.last_layer(inputs.images)

    return run

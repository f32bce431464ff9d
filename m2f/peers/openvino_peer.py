"""transformers' Mask2Former converted to OpenVINO, with our weights: predictions on a CPU."""

import warnings
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from m2f.errors import InputError
from m2f.extras import imported
from m2f.models import Mask2Former
from m2f.peers.peer import Peer
from m2f.peers.transformers_peer import TransformersPeer, transformers_peer


class LastLayer(nn.Module):
    """transformers' model with a tuple for an answer: class logits and mask logits of the last layer."""

    def __init__(self, segmenter: nn.Module) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, Q, K + 1]`` and ``[B, Q, H/4, W/4]`` from ``[B, 3, H, W]``."""
        output = self.segmenter(images)
        return output.class_queries_logits, output.masks_queries_logits


class OpenvinoPeer(Peer):
    """transformers' model as a program of OpenVINO, which predicts the masks of all layers as transformers' does.

    The program is made for one size of images at a time, in the precision of torch's autocast context: left to itself
    OpenVINO computes in bfloat16 where the processor does. Post-processing is transformers' own.
    """

    trains = False
    compiles = True

    def __init__(self, source: TransformersPeer) -> None:
        super().__init__()
        self.source = source
        self.core = imported("openvino", "bench").Core()
        self.shape: torch.Size | None = None
        self.model: Any = None
        self.programs: dict[bool, Any] = {}

    def predict(self, images: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Mapping[str, Any]]:
        """See :meth:`Peer.predict`."""
        classes, masks = self.last_layer(images)
        return self.source.answers(SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks), sizes)

    def last_layer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Peer.last_layer`."""
        results = self._program(images)(images.numpy(), share_inputs=True)
        return torch.from_numpy(results[0]), torch.from_numpy(results[1])

    def _program(self, images: Tensor) -> Any:
        """The program for the images' shape and the precision at hand."""
        if images.shape != self.shape:
            self.programs.clear()
            self.model, self.shape = converted(self.source.segmenter, images), images.shape
        bfloat16 = torch.is_autocast_enabled("cpu")
        if bfloat16 not in self.programs:
            options = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            }
            self.programs[bfloat16] = self.core.compile_model(self.model, "CPU", options)
        return self.programs[bfloat16]


def converted(segmenter: nn.Module, images: Tensor) -> Any:
    """OpenVINO's model of transformers', for images of this shape: tracing makes constants of what depends on it."""
    with torch.no_grad(), torch.autocast("cpu", enabled=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(LastLayer(segmenter).eval(), images, check_trace=False)
        return imported("openvino", "bench").convert_model(traced, example_input=images, input=list(images.shape))


def openvino_peer(model_config: Mapping[str, Any], ours: Mask2Former) -> OpenvinoPeer:
    """transformers' model of the same sizes and with the same weights as ours, to be converted when first called.

    Args:
        model_config: the ``model`` of a config, from which ``ours`` was built.
        ours: the model that gives its weights.

    Raises:
        InputError: OpenVINO or transformers is not installed, our model is on a GPU, or transformers cannot be built in
            these sizes.
    """
    imported("openvino", "bench")
    if next(ours.parameters()).device.type != "cpu":
        raise InputError(
            "OpenVINO computes on the CPU, and this measurement is the GPU's: leave the peer openvino out."
        )
    return OpenvinoPeer(transformers_peer(model_config, ours))

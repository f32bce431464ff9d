"""A trained model as a program of its own: ``torch.export``'s, which PyTorch runs without m2f, or ONNX.

What it computes is what all segmentations are made of: from a picture the class and mask logits of the queries. What
is made of these at the picture's own size branches on what is found, which no such program does.
"""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from m2f.engine.segmenter import Segmenter
from m2f.errors import InputError
from m2f.extras import imported
from m2f.files import require_place, write_atomically
from m2f.models.pixel_decoders.deformable_sampling import sampling_of_operators

INPUT, OUTPUTS = "images", ("class_logits", "mask_logits")
STRIDE = 32
ABOUT = "m2f"  # the entry of a program's facts in ONNX's metadata
FACTS = "m2f.json"  # the file of the same in a program of torch's

Logits = tuple[Tensor, Tensor]


class LogitsOfPictures(nn.Module):
    """A model from RGB pictures to class logits ``[B, Q, K + 1]`` and mask logits ``[B, Q, H/4, W/4]``.

    Args:
        model: in evaluation.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        preprocessor = model.data_preprocessor
        self.takes_rgb = preprocessor._channel_conversion  # pictures are read as BGR
        self.register_buffer("mean", preprocessor.mean.clone())
        self.register_buffer("deviation", preprocessor.std.clone())

    def forward(self, images: Tensor) -> Logits:
        """From ``[B, 3, H, W]``, RGB from 0 to 255, both sides being multiples of 32."""
        colours = images if self.takes_rgb else images.flip(1)
        output = self.model((colours - self.mean) / self.deviation)
        return output.class_logits[-1], output.masks.everything()[-1]


def export(segmenter: Segmenter, out: Path, size: tuple[int, int]) -> float:
    """Write a model as a program for pictures of one size, one at a time.

    Args:
        segmenter: the model, on the CPU.
        out: a new file: ``.pt2`` is torch's, ``.onnx`` ONNX.
        size: height and width of its pictures, multiples of 32.

    Returns:
        The largest difference between its logits, read back and run, and the model's, on a picture of noise.

    Raises:
        InputError: the name has another ending, the file is there or cannot be written, a side is no multiple of 32,
            what ONNX takes is not installed, or the model cannot be exported.
    """
    if out.suffix not in FORMATS:
        raise InputError(f"{out} must end in .onnx, for ONNX, or in .pt2, for a program of torch.export.")
    if os.path.lexists(out):
        raise InputError(f"{out} exists and is not overwritten; name another, or remove it first.")
    require_place(out)
    if min(size) < STRIDE or any(side % STRIDE for side in size):
        raise InputError(f"The sides of a program's pictures must be multiples of {STRIDE}, not {size[0]} x {size[1]}.")
    chosen = FORMATS[out.suffix]
    for module in chosen.modules:
        imported(module, extra="export")
    model = LogitsOfPictures(segmenter.model).eval()
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 255
    content = chosen.write(traced(model, picture), facts(segmenter))
    with torch.no_grad():
        pairs = zip(model(picture), chosen.run(content, picture), strict=True)
        difference = max(float((own - given).abs().max()) for own, given in pairs)
    write_atomically(out, content)
    return difference


def facts(segmenter: Segmenter) -> str:
    """What a program says of itself, as JSON: task, classes, which of them are things, and their categories' ids."""
    return json.dumps(
        {
            "task": segmenter.task,
            "classes": segmenter.classes,
            "is_thing": segmenter.is_thing,
            "category_ids": segmenter.category_ids,
        }
    )


def traced(model: nn.Module, picture: Tensor) -> ExportedProgram:
    """The program of a model, made of PyTorch's own operators alone.

    Raises:
        InputError: it branches on what it computes, or has another part that no program can have.
    """
    try:
        with torch.no_grad():
            program = torch.export.export(model, (picture,))
        return program.run_decompositions({torch.ops.m2f.deformable_sampling.default: sampling_of_operators})
    except Exception as error:  # whatever a component of anybody's makes of tracing
        raise refused("a program of torch.export", error) from error


def refused(what: str, error: Exception) -> InputError:
    """The sentence for a model that cannot be exported."""
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    return InputError(
        f"This model cannot be exported as {what} ({type(error).__name__}: {reason}); `m2f predict` runs it as it is."
    )


def as_torch(program: ExportedProgram, about: str) -> bytes:
    """A file that ``torch.export.load`` reads."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={FACTS: about})
    return buffer.getvalue()


def run_torch(content: bytes, picture: Tensor) -> Logits:
    """The logits of a file of torch's."""
    return torch.export.load(io.BytesIO(content)).module()(picture)


def as_onnx(program: ExportedProgram, about: str) -> bytes:
    """A file of ONNX.

    Raises:
        InputError: ONNX has not what the model needs.
    """
    try:
        converted = torch.onnx.export(
            program, input_names=[INPUT], output_names=list(OUTPUTS), dynamo=True, verbose=False
        )
    except Exception as error:  # as in tracing
        raise refused("ONNX", error) from error
    assert converted is not None
    converted.model.metadata_props[ABOUT] = about
    return converted.model_proto.SerializeToString()


def run_onnx(content: bytes, picture: Tensor) -> Logits:
    """The logits of a file of ONNX, by onnxruntime on the CPU."""
    session = imported("onnxruntime", extra="export").InferenceSession(content, providers=["CPUExecutionProvider"])
    classes, masks = session.run(list(OUTPUTS), {INPUT: picture.numpy()})
    return torch.from_numpy(classes), torch.from_numpy(masks)


class Format(NamedTuple):
    """How a program is written and run, and the modules that it takes."""

    write: Callable[[ExportedProgram, str], bytes]
    run: Callable[[bytes, Tensor], Logits]
    modules: tuple[str, ...] = ()


FORMATS = {".pt2": Format(as_torch, run_torch), ".onnx": Format(as_onnx, run_onnx, ("onnxscript", "onnxruntime"))}

"""Every design's loss in mixed precision beside float32, on the same device.

Bounds are about twice and three times the largest relative difference that was seen over all designs: 5.5e-4 in
float16, by a GPU's rules on a CPU (``tests/ablations/studies/test_precision.py``), and here 2.5e-3 in bfloat16, whose
numbers have 8 bits where those of float16 have 11.
"""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import torch

from ablations.selftest.beside_cpu import quiet
from ablations.selftest.choices import Choice, Decide, choosing, recording, repeating, same_points
from ablations.selftest.designs import batch
from ablations.selftest.findings import Difference, relative
from m2f.engine.precision import MIXED, set_precision

PRECISIONS = {"cuda": torch.float16, "cpu": torch.bfloat16}  # by type of device; that in which m2f trains on GPUs
BOUNDS = {torch.float16: 1e-3, torch.bfloat16: 8e-3}


def beside_float32(config: Mapping[str, Any], device: torch.device) -> Iterable[Difference]:
    """A design's difference from float32."""
    dtype = PRECISIONS[device.type]
    choices: list[Choice] = []
    set_precision({})
    expected = loss_in(config, device, None, recording(choices))
    set_precision({"optim_wrapper": {"type": MIXED}})
    found = loss_in(config, device, dtype, repeating(choices, device, []))
    set_precision({})
    yield f"loss in {str(dtype).removeprefix('torch.')}", relative(found, expected), BOUNDS[dtype]


def loss_in(config: Mapping[str, Any], device: torch.device, dtype: torch.dtype | None, decide: Decide) -> float:
    """A design's loss under autocast to a type, or in float32."""
    model = quiet(config).to(device).train()
    data = model.data_preprocessor(batch(num_classes=3), training=True)
    precision = torch.autocast(device.type, dtype) if dtype else nullcontext()
    with torch.no_grad(), precision, same_points(), choosing(decide):
        return model(**data, mode="loss")["loss"].item()

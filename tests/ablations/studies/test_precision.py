"""Every design trains in lower precision as it does in float32, where rounding does not change what it chooses.

Matches, points, attention masks and masks cut at one half are choices: a mask logit that rounding moves across zero
changes a loss by more than all rounding does. So those of float32 are given, and the arithmetic alone is compared.
Largest relative difference of a loss, observed over all designs and steps: 5.5e-4 in float16, and 1.0e-2 in bfloat16,
whose numbers have 8 bits where those of float16 have 11; without MaskFormer's decoder and its dropout 3.8e-3.
"""

from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map_only

from ablations.selftest.choices import choosing, recording
from ablations.selftest.designs import batch, built, trained_designs
from m2f.cost.gpu_rules import GpuRules

STEPS = 3


def convolution(features, *arguments, **options):
    """In half precision as a GPU sums it up, in float32; a CPU takes ten times as long for less."""
    arguments, options = tree_map_only(Tensor, Tensor.float, (arguments, options))
    return F.conv2d(features.float(), *arguments, **options).to(features.dtype)


@contextmanager
def float16():
    """Mixed precision as on a GPU."""
    rules = GpuRules(True, {F.conv2d: convolution})
    with (
        patch("torch.autocast", rules.autocast),
        patch("torch.amp.is_autocast_available", lambda _: True),
        rules,
    ):
        yield


def bfloat16():
    return torch.autocast("cpu", torch.bfloat16)


def losses(config, precision, decide):
    """Of each step of a short training; and the parameters that the first does not train."""
    model = built(config).train()
    optimizer = torch.optim.SGD([own for own in model.parameters() if own.requires_grad], lr=0.1)
    data = model.data_preprocessor(batch(num_classes=3), training=True)
    found = []
    for step in range(STEPS):
        torch.manual_seed(step)
        with precision(), choosing(decide):
            loss = model(**data, mode="loss")["loss"]
        found.append(loss.item())
        if step < STEPS - 1:
            optimizer.zero_grad()
            loss.backward()
            if not step:
                untrained = {name for name, own in model.named_parameters() if own.requires_grad and own.grad is None}
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            optimizer.step()
    return torch.tensor(found), untrained


@pytest.fixture(scope="module")
def expected():
    """Config, losses and what is left untrained in float32, and choices of each design."""

    def trained(config):
        chosen = []
        return config, *losses(config, nullcontext, recording(chosen)), chosen

    return {name: trained(config) for name, config in trained_designs().items()}


@pytest.mark.parametrize(("precision", "bound"), [(float16, 1e-3), (bfloat16, 2e-2)], ids=["float16", "bfloat16"])
def test_losses_are_those_of_float32(precision, bound, expected):
    differences = {}
    for name, (config, losses_in_float32, untrained, chosen) in expected.items():
        given = iter(chosen)
        found, untrained_here = losses(config, precision, lambda function, *arguments, given=given: next(given))
        assert next(given, None) is None
        assert untrained_here == untrained, name
        differences[name] = (found / losses_in_float32 - 1).abs()
    assert len(differences) >= 24
    assert {name: own for name, own in differences.items() if not (own <= bound).all()} == {}
    assert all(own.any() for own in differences.values())  # it was another precision


def test_every_registered_design_is_among_them(expected):
    named = str([config for config, *_ in expected.values()])
    for name in (
        *("CrossAttention", "SMCA", "MaskPooling", "MaskedAttention", "LearnableQueries", "ZeroQueries"),
        *("MSDeformAttn", "FPN", "TransformerEncoderFPN", "SemanticFPN", "FaPN", "BiFPN"),
        *("'focal': True", "'match_on': 'masks'", "'train_on': 'masks'", "mmdet.ResNet", "mmdet.SwinTransformer"),
    ):
        assert f"'{name}'" in named or name in named

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from m2f.cost.gpu_rules import (
    GpuRules,
    frozen_batch_norm,
    fused_attention,
    materialised_attention,
)
from m2f.cost.live_bytes import LiveBytes

FUNCTIONS = {
    "linear": lambda make: F.linear(make(2, 3), make(4, 3), make(4)),
    "convolution": lambda make: F.conv2d(make(1, 2, 5, 5), make(3, 2, 3, 3)),
    "@": lambda make: make(2, 3) @ make(3, 2),
    "bmm": lambda make: torch.bmm(make(2, 3, 4), make(2, 4, 3)),
    "einsum": lambda make: torch.einsum("bqd,bdhw->bqhw", make(1, 2, 3), make(1, 3, 2, 2)),
    "layer norm": lambda make: F.layer_norm(make(2, 3), (3,)),
    "group norm": lambda make: F.group_norm(make(2, 4, 3, 3), 2),
    "batch norm": lambda make: F.batch_norm(make(2, 3, 4, 4), make(3).float(), make(3).float()),
    "softmax": lambda make: make(2, 3).softmax(-1),
    "log softmax": lambda make: F.log_softmax(make(2, 3), dim=1),
    "sum": lambda make: make(2, 3).sum(1),
    "mean": lambda make: make(2, 3).mean(1),
    "cumulative sum": lambda make: make(2).cumsum(0),
    "binary cross-entropy": lambda make: F.binary_cross_entropy_with_logits(make(2, 3), make(2, 3), reduction="none"),
    "cross-entropy": lambda make: F.cross_entropy(make(2, 3), make(2, 3)),
    "softplus": lambda make: F.softplus(make(2)),
    "power": lambda make: make(2) ** 2.0,
    "exp": lambda make: make(2).exp(),
    "log": lambda make: make(2).log(),
    "sigmoid": lambda make: make(2).sigmoid(),
    "relu": lambda make: F.relu(make(2)),
    "gelu": lambda make: F.gelu(make(2)),
    "+": lambda make: make(2) + make(2),
    "cat": lambda make: torch.cat([make(2), make(2).float()]),
}


@pytest.fixture
def cuda_autocast():
    torch.set_autocast_enabled("cuda", True)
    yield
    torch.set_autocast_enabled("cuda", False)


@pytest.mark.parametrize("dtype", [torch.float, torch.half])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_have_the_precision_that_autocast_gives_them(name, dtype, cuda_autocast):
    with FakeTensorMode():
        expected = FUNCTIONS[name](lambda *shape: torch.empty(shape, device="cuda", dtype=dtype)).dtype
    with GpuRules(True, {}):
        result = FUNCTIONS[name](lambda *shape: torch.empty(shape, device="meta", dtype=dtype))
    assert result.dtype == expected


def test_masks_are_sampled_in_float32():
    maps, points = torch.empty(1, 2, 3, 3, dtype=torch.half, device="meta"), torch.empty(1, 4, 1, 2, device="meta")
    with GpuRules(True, {}):
        assert F.grid_sample(maps, points, align_corners=False).dtype == torch.float


def test_nothing_is_cast_without_mixed_precision_or_where_autocast_is_off():
    layer, features = nn.Linear(3, 3, device="meta"), torch.empty(2, 3, device="meta")
    with GpuRules(False, {}):
        assert layer(features).dtype == torch.float
    with GpuRules(True, {}) as rules:
        with rules.autocast("meta", enabled=False):
            assert layer(features).dtype == torch.float
        assert layer(features).dtype == torch.half


def test_weights_are_cast_once_a_step_and_activations_every_time():
    layer, features = nn.Linear(10, 10, bias=False, device="meta"), torch.empty(1, 10, device="meta")
    with LiveBytes() as live:
        with GpuRules(True, {}):
            results = [layer(features) for _ in range(3)]
            assert live.alive.total() == 100 * 2 + 3 * (10 * 2 + 10 * 2)
        del results
        assert live.alive.total() == 0


@pytest.mark.parametrize("mask", ["none", "boolean", "bias"])
def test_materialised_attention_is_attention(mask):
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 4, 5, 8), torch.randn(2, 4, 7, 8), torch.randn(2, 4, 7, 8)
    steering = {"none": None, "boolean": torch.rand(2, 1, 5, 7) > 0.3, "bias": torch.randn(2, 4, 5, 7)}[mask]
    expected = F.scaled_dot_product_attention(query, key, value, steering)
    torch.testing.assert_close(materialised_attention(query, key, value, steering), expected)


def attention_keeps(attention):
    """Bytes kept for the backward pass, of 2 images, 8 heads of 32 channels, 100 queries and 4096 positions."""
    query, key = (torch.empty(2, 8, count, 32, dtype=torch.half, device="meta") for count in (100, 4096))
    mask = torch.empty(2, 1, 100, 4096, dtype=torch.bool, device="meta")
    for tensor in (query, key):
        tensor.requires_grad_()
    with LiveBytes() as live:
        result = attention(query, key, key, mask)
        return live.alive.total(), result.shape


def test_materialised_attention_keeps_weights_twice_and_every_heads_mask():
    kept, shape = attention_keeps(materialised_attention)
    assert shape == (2, 8, 100, 32)
    weights, queries = 2 * 8 * 100 * 4096, 2 * 8 * 100 * 32
    keys_for_product = 2 * 8 * 4096 * 32
    assert weights * (4 + 2 + 1) <= kept <= weights * (4 + 2 + 1) + 2 * (3 * queries + keys_for_product)


def test_fused_attention_keeps_no_weights():
    kept, shape = attention_keeps(fused_attention)
    assert shape == (2, 8, 100, 32)
    bias, result, sums = 2 * 100 * 4096 * 2, 2 * 8 * 100 * 32 * 2, 2 * 8 * 128 * 4
    assert kept == pytest.approx(bias + result + sums, abs=100)


def test_a_frozen_norm_is_the_same_norm():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3).eval().requires_grad_(False)
    for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
        tensor.uniform_(0.5, 2)
    features = torch.randn(2, 3, 4, 5)
    expected = norm(features)
    with GpuRules(False, {F.batch_norm: frozen_batch_norm}):
        torch.testing.assert_close(norm(features), expected)
        torch.testing.assert_close(
            norm.train()(features), nn.BatchNorm2d(3)(features) * norm.weight[:, None, None] + norm.bias[:, None, None]
        )


@pytest.mark.parametrize(("learns", "copies"), [(True, 2), (False, 1)])
def test_only_a_norm_that_learns_keeps_its_input(learns, copies):
    norm = nn.BatchNorm2d(3, device="meta").eval().requires_grad_(learns)
    features = torch.empty(2, 3, 40, 50, device="meta").requires_grad_()
    with GpuRules(True, {F.batch_norm: frozen_batch_norm}), LiveBytes() as live:
        result = F.relu(norm(features * 1.0), inplace=True)
        assert live.alive.total() == pytest.approx(copies * result.nbytes, rel=0.01)

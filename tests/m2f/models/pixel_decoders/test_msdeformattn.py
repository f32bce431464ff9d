"""Precision of the deformable pixel decoder under autocast."""

import pytest
import torch

from m2f.models.pixel_decoders import MSDeformAttn, msdeformattn

CHANNELS = [8, 12, 16, 20]


@pytest.fixture
def features():
    torch.manual_seed(0)
    return [torch.randn(1, channels, 64 // 2**level, 64 // 2**level) for level, channels in enumerate(CHANNELS)]


def built(full_precision):
    torch.manual_seed(1)
    decoder = MSDeformAttn(CHANNELS, 32, 2, 4, 4, 64, norm_groups=8, full_precision=full_precision)
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return decoder.eval()


@torch.no_grad()
def half(decoder, features):
    with torch.autocast("cpu", torch.bfloat16):
        return decoder(features)


def test_autocast_is_off_inside(features):
    decoder = built(full_precision=True)
    with torch.no_grad():
        pyramid, mask_features = decoder(features)
    cast_pyramid, cast_mask_features = half(decoder, features)
    assert all(torch.equal(*pair) for pair in zip(pyramid, cast_pyramid, strict=True))
    assert torch.equal(mask_features, cast_mask_features)


def test_without_full_precision_places_are_still_exact(features, monkeypatch):
    """Convolutions and linear layers give bfloat16; where samples are taken, and of what, is float32."""
    taken = []

    def watched(value, sizes, reference, offsets, logits):
        taken.append({value.dtype, reference.dtype, offsets.dtype, logits.dtype})
        return sampling(value, sizes, reference, offsets, logits)

    sampling = msdeformattn.deformable_sampling
    monkeypatch.setattr(msdeformattn, "deformable_sampling", watched)
    decoder = built(full_precision=False)
    pyramid, mask_features = half(decoder, features)
    assert taken == [{torch.float32}] * 2
    assert mask_features.dtype == torch.bfloat16
    assert all(level.dtype == torch.float32 for level in pyramid)
    exact_pyramid, exact_mask_features = half(built(full_precision=True), features)
    for ours, exact in zip([*pyramid, mask_features.float()], [*exact_pyramid, exact_mask_features], strict=True):
        difference = float((ours - exact).abs().max() / exact.abs().max())
        assert 0 < difference < 0.03

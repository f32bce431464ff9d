"""What every pixel decoder has in common."""

import pytest
import torch

from m2f.models.pixel_decoders import (
    FPN,
    BiFPN,
    FaPN,
    HybridEncoder,
    LiteMSDeformAttn,
    MaskFormerEncoderFPN,
    MaskFormerFPN,
    MSDeformAttn,
    PEMPyramid,
    ProScale,
    PyramidPoolingFPN,
    SemanticFPN,
    TransformerEncoderFPN,
)
from m2f.registry import MODELS

CHANNELS, DIMS = [4, 6, 8, 10], 16
WITH_ENCODER = [TransformerEncoderFPN, MaskFormerEncoderFPN, SemanticFPN]
WITHOUT_LAYERS = [FPN, MaskFormerFPN, FaPN, PEMPyramid, PyramidPoolingFPN, HybridEncoder]
EVERY = [*WITH_ENCODER, *WITHOUT_LAYERS, BiFPN, MSDeformAttn, ProScale, LiteMSDeformAttn]
every = pytest.mark.parametrize("build", EVERY)


def small(build):
    torch.manual_seed(0)
    encoder = {"num_heads": 4, "feedforward_dims": 24} if build in WITH_ENCODER else {}
    layers = {} if build in WITHOUT_LAYERS else {"num_layers": 2}
    return build(CHANNELS, DIMS, norm_groups=4, **layers, **encoder)


def backbone_features(height, width):
    """Features as a stride-2 convolution halves them: odd sizes round up."""
    sizes = [(-(-height // stride), -(-width // stride)) for stride in (4, 8, 16, 32)]
    return [torch.randn(2, channels, *size) for channels, size in zip(CHANNELS, sizes, strict=True)]


@every
def test_is_registered_by_its_name(build):
    assert MODELS.get(build.__name__) is build


@every
@pytest.mark.parametrize("size", [(64, 96), (97, 45)])
def test_every_output_has_the_size_of_the_backbones_level(build, size):
    features = backbone_features(*size)
    pyramid, mask_features = small(build)(features)
    for output, feature in zip([mask_features, *pyramid[::-1]], features, strict=True):
        assert output.shape == (2, DIMS, *feature.shape[2:])


@every
def test_every_parameter_learns(build):
    """Some start where others' gradient vanishes, so it is the second step that must reach all."""
    decoder = small(build)
    optimizer = torch.optim.SGD(decoder.parameters(), lr=0.1)
    features = backbone_features(64, 64)
    for _ in range(2):
        pyramid, mask_features = decoder(features)
        optimizer.zero_grad()
        loss = sum((output * torch.randn_like(output)).mean() for output in [*pyramid, mask_features])
        loss.backward()
        optimizer.step()
    silent = [name for name, parameter in decoder.named_parameters() if not parameter.grad.abs().max() > 0]
    assert not silent


@every
def test_images_of_a_batch_do_not_mix(build):
    decoder = small(build).eval()
    features = backbone_features(64, 96)
    together = decoder(features)
    alone = decoder([feature[1:] for feature in features])
    for one, other in zip([*together[0], together[1]], [*alone[0], alone[1]], strict=True):
        torch.testing.assert_close(one[1:], other)

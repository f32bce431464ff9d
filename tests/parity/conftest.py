"""Our model and other libraries' with the same random weights, images to give them, and the measure of agreement."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from m2f.models import Mask2Former
from m2f.peers import LIBRARIES, Peer, own_peer
from m2f.registry import MODELS

BACKBONES = {
    "ResNet": {"type": "mmdet.ResNet", "depth": 50, "base_channels": 8, "stem_channels": 8, "norm_eval": True},
    "Swin": {
        "type": "mmdet.SwinTransformer",
        "embed_dims": 24,
        "depths": [2, 2, 2, 2],
        "num_heads": [1, 2, 4, 8],
        "window_size": 7,
        "drop_path_rate": 0.0,
    },
}
CHANNELS = {"ResNet": [32, 64, 128, 256], "Swin": [24, 48, 96, 192]}
SEEDS = {"ResNet": 4, "Swin": 0}  # that give masks of all sizes, segments, and no logit near to zero
THINGS, STUFF, QUERIES, LAYERS = 4, 3, 16, 4


def model_config(backbone: str, way: str) -> dict[str, Any]:
    """The paper's model in small. 16 queries by 7 classes are more pairs than the 100 instances that are kept."""
    return {
        "type": "m2f.Mask2Former",
        "backbone": BACKBONES[backbone],
        "pixel_decoder": {
            "type": "m2f.MSDeformAttn",
            "in_channels": CHANNELS[backbone],
            "embed_dims": 32,
            "num_layers": 2,
            "num_heads": 4,
            "feedforward_dims": 48,
            "norm_groups": 8,
        },
        "transformer_decoder": {
            "type": "m2f.MaskedAttentionDecoder",
            "embed_dims": 32,
            "num_heads": 4,
            "feedforward_dims": 40,
            "num_layers": LAYERS,
            "queries": {"type": "m2f.LearnableQueries", "num_queries": QUERIES},
            "cross_attention": {"type": "m2f.MaskedAttention"},
            "mask_prediction": way,
        },
        "criterion": {"type": "m2f.PointCriterion", "num_points": 64},
        "task": "panoptic",
        "num_things": THINGS,
        "num_stuff": STUFF,
    }


@torch.no_grad()
def randomise(model: nn.Module, seed: int) -> None:
    """Random weights, none at its initial zero or one, that give confident classes and masks of all sizes."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if name.endswith(("num_batches_tracked", "relative_position_index")):
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(1 + 0.5 * noise.tanh())
        elif tensor.ndim == 1 and name.endswith("weight"):
            tensor.copy_(1 + 0.2 * noise)
        elif tensor.ndim == 1:  # deformable attention's offsets start from a pattern
            tensor.add_(0.2 * noise)
        elif "queries" in name:
            tensor.copy_(noise)
        else:  # smaller in the transformer decoder, whose attentions would make all queries alike
            gain = 0.6 if "transformer_decoder.layers" in name else 1.2
            tensor.copy_(gain * noise / tensor[0].numel() ** 0.5)
    model.transformer_decoder.classifier.weight.mul_(2.5)
    model.transformer_decoder.mask_embedding[-1].weight.mul_(2)


@cache
def our_model(backbone: str, way: str) -> Mask2Former:
    init_default_scope("m2f")
    torch.manual_seed(0)
    model = MODELS.build(model_config(backbone, way))
    randomise(model, SEEDS[backbone])
    return model.eval()


@cache
def cached_implementation(name: str, backbone: str = "ResNet") -> Peer:
    if name in LIBRARIES:
        return LIBRARIES[name](model_config(backbone, "embedded"), our_model(backbone, "embedded")).eval()
    return own_peer(our_model(backbone, name)).eval()


@pytest.fixture(scope="session")
def implementation() -> Callable[..., Peer]:
    """``implementation(name, backbone="ResNet")``, name being a way of ours or a library."""
    return cached_implementation


@pytest.fixture(params=["embedded", "embedded, large", "dense"], scope="module")
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Our two ways of predicting masks, and the first with what our layers do where tensors are large."""
    way, _, large = request.param.partition(", ")
    with pytest.MonkeyPatch.context() as patch:
        if large:
            patch.setattr("m2f.models.layers.WORTH_A_CONVOLUTION", 0)
            patch.setattr("m2f.models.layers.HIDDEN_AT_ONCE", 2**10)
        yield way


@pytest.fixture(params=list(LIBRARIES), scope="session")
def library(request: pytest.FixtureRequest) -> str:
    return request.param


BATCHES = {
    "square": ([(64, 64)], 32),
    "padded": ([(96, 160), (70, 110)], 32),
    "odd": ([(75, 101)], 1),  # cells at the border are not whole
}


@pytest.fixture(params=list(BATCHES), scope="session")
def images(request: pytest.FixtureRequest) -> Tensor:
    """One or two images ``[B, 3, H, W]``."""
    return padded_images(*BATCHES[request.param])


def padded_images(sizes: Sequence[tuple[int, int]], divisor: int = 32) -> Tensor:
    """Random images ``[B, 3, H, W]``, smooth and noisy, padded with zero below and to the right."""
    height, width = (-(-max(lengths) // divisor) * divisor for lengths in zip(*sizes, strict=True))
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(len(sizes), 3, height, width)
    for image, size in zip(images, sizes, strict=True):
        coarse = 2 * torch.randn(1, 3, 5, 5, generator=generator)
        smooth = nn.functional.interpolate(coarse, size=size, mode="bicubic")[0]
        image[:, : size[0], : size[1]] = smooth + 0.3 * torch.randn(3, *size, generator=generator)
    return images


@pytest.fixture(params=list(BACKBONES), scope="session")
def backbone(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def images_of() -> Callable[..., Tensor]:
    """``images_of(sizes, divisor=32)``, see :func:`padded_images`."""
    return padded_images


@pytest.fixture
def agree(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``agree(ours, theirs, tolerance, scale=theirs)``: they differ by less than a share of the scale's largest value.

    ``pytest -rP`` shows the shares.
    """

    def check(ours: Tensor, theirs: Tensor, tolerance: float, scale: Tensor | None = None) -> None:
        assert ours.shape == theirs.shape
        largest = (theirs if scale is None else scale).abs().max()
        difference = float((ours - theirs).abs().max() / largest)
        print(f"DIFFERENCE {request.node.name} {difference:.1e}")
        assert difference < tolerance

    return check

"""Models of the paper with random weights, ours and the peers': fixtures that are functions."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import mmdet.models
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from m2f.checkpoints.architecture import BACKBONES, Architecture
from m2f.checkpoints.translation import with_computed_buffers
from m2f.models.without_data import EmptyOnMeta

MMDET_FILES = {
    "R50": "r50_8xb2-lsj-50e",
    "R101": "r101_8xb2-lsj-50e",
    "Swin-T": "swin-t-p4-w7-224_8xb2-lsj-50e",
    "Swin-S": "swin-s-p4-w7-224_8xb2-lsj-50e",
    "Swin-B": "swin-b-p4-w12-384_8xb2-lsj-50e",
    "Swin-L": "swin-l-p4-w12-384-in21k_16xb1-lsj-100e",
}


def make_architecture(
    backbone: str, classes: int = 133, queries: int = 100, layers: tuple[int, int] = (6, 9)
) -> Architecture:
    """One of the paper's, with other numbers if wanted."""
    return Architecture({each.name: each for each in BACKBONES}[backbone], classes, queries, *layers)


def tensors_of(model: Architecture, make: Callable[[str, torch.Size], Tensor]) -> dict[str, Tensor]:
    """Our model's tensors; relative positions are computed."""
    shapes = model.shapes().items()
    return with_computed_buffers({name: make(name, shape) for name, shape in shapes if "position_index" not in name})


def make_shapes_only(model: Architecture) -> dict[str, Tensor]:
    """Our model's tensors without data."""
    return tensors_of(model, lambda name, shape: torch.empty(shape, device="meta"))


def make_random_state(model: Architecture) -> dict[str, Tensor]:
    """Our model's tensors, every number drawn so that all of them count and none explodes."""
    generator = torch.Generator().manual_seed(0)

    def draw(name: str, shape: torch.Size) -> Tensor:
        if name.endswith("num_batches_tracked"):
            return torch.tensor(0)
        if name.endswith("running_var"):
            return 1 + torch.rand(shape, generator=generator)
        numbers = torch.randn(shape, generator=generator)
        if len(shape) > 1:
            return numbers / shape[1:].numel() ** 0.5
        return (1 if name.endswith(".weight") else 0) + 0.1 * numbers

    return tensors_of(model, draw)


def make_mmdet_model(model: Architecture, data: bool = False) -> nn.Module:
    """The same model in mmdet, from its own config, by default without data."""
    name = f"mask2former_{MMDET_FILES[model.backbone.name]}_coco-panoptic.py"
    config = Config.fromfile(Path(mmdet.__file__).parent / ".mim" / "configs" / "mask2former" / name).model
    config.backbone.init_cfg = None
    head = config.panoptic_head
    head.num_things_classes, head.num_stuff_classes, head.num_queries = model.classes, 0, model.queries
    head.loss_cls.class_weight = [1.0] * model.classes + [0.1]
    head.pixel_decoder.encoder.num_layers = model.encoder_layers
    head.transformer_decoder.num_layers = model.decoder_layers
    with DefaultScope.overwrite_default_scope("mmdet"), nullcontext() if data else EmptyOnMeta():
        return MODELS.build(config)


def make_transformers_model(model: Architecture, data: bool = False) -> nn.Module:
    """The same model in transformers, by default without data."""
    transformers = pytest.importorskip("transformers")
    backbone, stages = model.backbone, ["stage1", "stage2", "stage3", "stage4"]
    if backbone.heads:
        inner = transformers.SwinConfig(
            embed_dim=backbone.width,
            depths=list(backbone.depths),
            num_heads=list(backbone.heads),
            window_size=backbone.window,
            drop_path_rate=0.3,
            out_features=stages,
        )
    else:
        inner = transformers.ResNetConfig(depths=list(backbone.depths), out_features=stages)
    config = transformers.Mask2FormerConfig(
        backbone_config=inner,
        num_labels=model.classes,
        num_queries=model.queries,
        encoder_layers=model.encoder_layers,
        decoder_layers=model.decoder_layers + 1,
    )
    with torch.device("cpu" if data else "meta"):
        return transformers.Mask2FormerForUniversalSegmentation(config)


def shapes_by_name(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    """Shapes by name."""
    return {name: tensor.shape for name, tensor in state.items()}


def same_bits(ours: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    """Same names, same numbers, bit for bit, of the same type."""
    return ours.keys() == others.keys() and all(
        tensor.dtype == others[name].dtype and torch.equal(tensor, others[name]) for name, tensor in ours.items()
    )


def function(value: Callable) -> Callable:
    """A fixture that is a function."""
    return pytest.fixture(scope="session")(lambda: value)


architecture = function(make_architecture)
shapes_only = function(make_shapes_only)
random_state = function(make_random_state)
mmdet_model = function(make_mmdet_model)
transformers_model = function(make_transformers_model)
shapes = function(shapes_by_name)
identical = function(same_bits)

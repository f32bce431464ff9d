import copy
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch.profiler import ProfilerActivity, profile

from m2f.cost.gpu_rules import GpuRules, materialised_attention
from m2f.cost.memory import any_matches, predict, total_loss, training_memory
from m2f.models.matching import assign
from m2f.registry import MODELS

CONFIGS = Path(__file__).parents[3] / "configs"
SIZE, IMAGES, TARGETS = (256, 256), 2, 12
GIB = 2**30
MASK_PARTS = ("mask prediction", "matching", "loss")


def model_config(scale, mask_prediction, match_on="points", train_on="points"):
    config = Config.fromfile(CONFIGS / scale / "panoptic.py").model
    config.transformer_decoder.mask_prediction = mask_prediction
    config.criterion.update(match_on=match_on, train_on=train_on)
    return config


def step_on_cpu(config, folder):
    """Peak bytes of a real training step in float32, by torch's profiler of the CPU's allocator."""
    torch.manual_seed(0)
    model = MODELS.build(dict(copy.deepcopy(config))).train()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.step()
    inputs = torch.randn(IMAGES, 3, *SIZE)
    labels = [torch.randint(5, (TARGETS,)) for _ in range(IMAGES)]
    masks = [torch.rand(TARGETS, *SIZE) > 0.5 for _ in range(IMAGES)]
    dense = config.transformer_decoder.mask_prediction == "dense"
    rules = GpuRules(False, {F.scaled_dot_product_attention: materialised_attention} if dense else {})
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        with rules:
            loss = total_loss(model, predict(model, inputs, (labels, masks)), labels, masks)
        loss.backward()
        optimizer.step()
    trace = folder / "trace.json"
    profiler.export_chrome_trace(str(trace))
    events = [event for event in json.loads(trace.read_text())["traceEvents"] if event["name"] == "[memory]"]
    growth = torch.tensor([event["args"]["Bytes"] for event in sorted(events, key=lambda event: event["ts"])])
    before = 4 * sum(parameter.nbytes for parameter in model.parameters())
    before += sum(tensor.nbytes for tensor in (*model.buffers(), inputs, *masks))
    return before + int(growth.cumsum(0).max())


@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
def test_the_peak_is_that_of_a_real_step(mask_prediction, tmp_path):
    config = model_config("mini", mask_prediction)
    memory = training_memory(config, SIZE, IMAGES, TARGETS, mixed_precision=False)
    assert memory.peak == pytest.approx(step_on_cpu(config, tmp_path), rel=0.04)


def test_without_a_kernel_for_sampling_the_peak_is_that_of_a_real_step(tmp_path, monkeypatch):
    config = model_config("mini", "embedded")
    with_kernel, without = (
        training_memory(config, SIZE, IMAGES, TARGETS, mixed_precision=False, sampling_kernel=kernel).peak
        for kernel in (True, False)
    )
    monkeypatch.setattr("m2f.models.pixel_decoders.deformable_sampling.has_kernel", lambda _: False)
    assert without == pytest.approx(step_on_cpu(config, tmp_path), rel=0.04)
    assert without > 1.05 * with_kernel


def test_weights_and_their_optimizer_are_counted_in_float32():
    config = model_config("mini", "embedded")
    model = MODELS.build(dict(config))
    learnt = sum(parameter.nbytes for parameter in model.parameters())
    memory = training_memory(config, (64, 64), targets=3)
    assert memory.parts["weights"] == learnt + sum(buffer.nbytes for buffer in model.buffers())
    assert memory.parts["gradients"] == learnt
    assert memory.parts["optimizer"] == pytest.approx(2 * learnt, rel=0.01)
    assert memory.parts["inputs"] == 64 * 64 * (3 * 4 + 3) + 3 * 8
    assert sum(memory.parts.values()) == memory.peak
    assert sum(memory.after_loss.values()) <= memory.peak


def growth(part, images, mixed_precision=True):
    """Bytes that the last of some images adds to a part."""
    config = model_config("mini", "embedded")
    more, less = (
        training_memory(config, (128, 128), count, targets=3, mixed_precision=mixed_precision).after_loss[part]
        for count in (images, images - 1)
    )
    return more - less


def test_every_image_takes_as_much():
    assert growth("pixel decoder", images=3) == growth("pixel decoder", images=2) > 0


def test_half_precision_halves_the_backbones_features_but_not_the_indices_of_its_pooling():
    half, full = (growth("backbone", images=2, mixed_precision=mixed) for mixed in (True, False))
    assert 1.6 < full / half < 2


@pytest.mark.parametrize("counts", [[2, 0], [3, 5]])
def test_matches_are_as_many_as_the_assignments(counts):
    costs = torch.rand(2, len(counts), 4, 5)
    expected, result = assign(costs, counts), any_matches(costs.to("meta"), counts)
    for name in ("layer", "image"):
        assert getattr(result, name).tolist() == getattr(expected, name).tolist()
    assert result.query.max() < 4
    for image, count in enumerate(counts):
        assert set(result.target[result.image == image].tolist()) <= set(range(count))


@pytest.mark.parametrize("cross_attention", ["CrossAttention", "SMCA", "MaskPooling"])
@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
def test_every_cross_attention_can_be_measured(cross_attention, mask_prediction):
    config = model_config("mini", mask_prediction)
    config.transformer_decoder.cross_attention.type = cross_attention
    assert training_memory(config, (64, 64), targets=3).parts["decoder"] > 0


@pytest.mark.parametrize(
    ("match_on", "train_on", "paper"),
    [("masks", "masks", 18), ("masks", "points", 6), ("points", "masks", 18), ("points", "points", 6)],
)
def test_the_reference_takes_what_table_5_says(match_on, train_on, paper):
    memory = training_memory(model_config("paper", "dense", match_on, train_on))
    assert memory.peak / GIB == pytest.approx(paper, rel=0.25)


def test_ours_holds_a_fifth_of_the_references_masks():
    reference, ours = (
        training_memory(model_config("paper", mask_prediction), targets=11).after_loss
        for mask_prediction in ("dense", "embedded")
    )
    held = [sum(memory[part] for part in ("mask prediction", "matching", "loss")) for memory in (reference, ours)]
    assert held[1] <= held[0] / 5


def test_companions_are_counted():
    """Pairs double where each target has one."""
    usual, accompanied = (
        training_memory(
            {**config, "transformer_decoder": {**config["transformer_decoder"], **own}}, SIZE, IMAGES, TARGETS
        )
        for config in [model_config("mini", "embedded")]
        for own in ({}, {"companions": {"type": "MaskPilots"}})
    )
    assert accompanied.after_loss["loss"] > 1.5 * usual.after_loss["loss"]

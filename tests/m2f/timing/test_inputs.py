from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from m2f.timing.inputs import CALIBRATION_SIZE, OBJECTS, build_ours, random_inputs, room_for_no_object

TINY = Path(__file__).parents[1] / "peers" / "tiny_config.py"
CPU = torch.device("cpu")


def test_inputs_are_the_same_on_every_call_and_none_of_the_masks_is_empty():
    one, other = (random_inputs((64, 64), 2, 5, CPU) for _ in range(2))
    assert torch.equal(one.images, other.images)
    assert one.images.shape == (2, 3, 64, 64)
    assert one.sizes == [(64, 64)] * 2
    assert not torch.equal(one.masks[0], one.masks[1])
    for labels, masks in zip(one.labels, one.masks, strict=True):
        assert masks.shape == (OBJECTS, 64, 64)
        assert masks.any(2).any(1).all()
        assert 0 <= labels.min() <= labels.max() < 5


def test_images_may_be_wide():
    inputs = random_inputs((32, 96), 1, 5, CPU)
    assert inputs.images.shape == (1, 3, 32, 96)
    assert inputs.sizes == [(32, 96)]
    assert inputs.masks[0].any(2).any(1).all()
    rows, columns = inputs.masks[0].any(2).sum(1), inputs.masks[0].any(1).sum(1)
    assert rows.max() <= 32 < columns.max()


def test_masks_are_small_and_large():
    areas = random_inputs((512, 512), 1, 5, CPU).masks[0].float().mean((1, 2))
    assert areas.min() < 0.005
    assert areas.max() > 0.05


def test_an_object_is_of_one_colour():
    inputs = random_inputs((64, 64), 1, 5, CPU)
    on_top = inputs.masks[0][-1]
    assert inputs.images[0][:, on_top].std(1).max() < 0.5
    assert inputs.images.std() > 0.6


def test_some_queries_are_sure_and_masks_cut_through_the_image():
    model = build_ours(Config.fromfile(TINY).model, CPU).eval()
    images = random_inputs((CALIBRATION_SIZE, CALIBRATION_SIZE), 1, 5, CPU).images
    with torch.no_grad():
        output = model.decode(images, all_layers=False)
    scores, labels = output.class_logits[-1, 0].softmax(-1).max(-1)
    assert ((scores > 0.8) & (labels < 5)).sum() == OBJECTS
    inside = (output.masks.everything()[-1, 0] > 0).float().mean((1, 2))
    assert 0.2 < inside.mean() < 0.8


def test_weights_are_the_same_on_every_call():
    config = Config.fromfile(TINY).model
    one, other = (build_ours(config, CPU).state_dict() for _ in range(2))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_room_for_no_object():
    logits = torch.tensor([[1.0, 3.0, 0.5], [0.0, 0.0, 0.0]])
    sure, unsure = room_for_no_object(logits, 0.8)
    logits[0, -1] += sure
    assert logits[0].softmax(0)[1].item() == pytest.approx(0.8)
    assert unsure < -10

import copy
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from m2f.registry import MODELS

CONFIGS = Path(__file__).parents[3] / "configs"
TASKS = ("panoptic", "instance", "semantic")
VARIANTS = ("CrossAttention", "SMCA", "MaskPooling", "MaskedAttention")


def build(task, pixel_decoder="MSDeformAttn", variant="MaskedAttention", mask_prediction="embedded"):
    init_default_scope("m2f")
    config = Config.fromfile(CONFIGS / "smoke" / f"{task}.py").model
    config.transformer_decoder.update(mask_prediction=mask_prediction, cross_attention={"type": variant})
    if pixel_decoder == "FPN":
        config.pixel_decoder = {key: config.pixel_decoder[key] for key in ("in_channels", "embed_dims", "norm_groups")}
        config.pixel_decoder["type"] = "FPN"
    torch.manual_seed(0)
    return MODELS.build(config)


def batch(model, sizes=((64, 64), (50, 60)), seed=0):
    torch.manual_seed(seed)
    samples = []
    for height, width in sizes:
        sample = DetDataSample(
            metainfo={"img_shape": (height, width), "ori_shape": (2 * height, 2 * width), "img_id": 1}
        )
        labels = torch.randint(sum(model.is_thing) + 1 if model.task == "panoptic" else 3, (3,))
        sample.gt_instances = InstanceData(labels=labels, masks=torch.rand(3, height, width) > 0.5)
        samples.append(sample)
    images = [torch.randint(256, (3, *size), dtype=torch.uint8) for size in sizes]
    return {"inputs": images, "data_samples": samples}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("pixel_decoder", ["FPN", "MSDeformAttn"])
def test_every_parameter_learns(task, pixel_decoder):
    model = build(task, pixel_decoder)
    data = model.data_preprocessor(batch(model), training=True)
    model(**data, mode="loss")["loss"].backward()
    without = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert without == []


@pytest.mark.parametrize("task", TASKS)
def test_predictions_have_the_original_size(task):
    model = build(task).eval()
    data = model.data_preprocessor(batch(model))
    with torch.no_grad():
        first, second = model(**data, mode="predict")
    for sample, size in ((first, (128, 128)), (second, (100, 120))):
        if task != "instance":
            assert sample.pred_sem_seg.data.shape == (1, *size)
        if task != "semantic":
            assert sample.pred_instances.masks.shape[1:] == size
            assert sample.pred_instances.labels.max() < sum(model.is_thing)
        if task == "panoptic":
            assert sample.pred_panoptic_seg.data.shape == (1, *size)


@pytest.mark.parametrize("task", TASKS)
def test_an_image_is_segmented_alike_alone_and_in_a_batch_of_its_size(task):
    model = build(task).eval()
    both = batch(model, ((64, 64), (64, 64)))
    alone = {"inputs": both["inputs"][1:], "data_samples": copy.deepcopy(both["data_samples"][1:])}
    with torch.no_grad():
        together = model(**model.data_preprocessor(both), mode="predict")[1]
        single = model(**model.data_preprocessor(alone), mode="predict")[0]
    if task == "instance":
        torch.testing.assert_close(
            single.pred_instances.scores.sort().values, together.pred_instances.scores.sort().values
        )
    else:
        agree = (single.pred_sem_seg.data == together.pred_sem_seg.data).float().mean()
        assert agree > 0.999  # a tie may fall either way in float32


@pytest.mark.parametrize("variant", VARIANTS)
def test_dense_and_embedded_masks_give_one_loss_and_one_gradient(variant, monkeypatch):
    """Outputs, losses and gradients of both ways agree, given the same points."""
    results = []
    for way in ("embedded", "dense"):
        model = build("panoptic", variant=variant, mask_prediction=way)
        shared = torch.rand(1, 2, model.criterion.num_points, 2, generator=torch.Generator().manual_seed(1))
        monkeypatch.setattr(model.criterion, "matching_points", lambda masks, *_, shared=shared: shared)
        data = model.data_preprocessor(batch(model), training=True)
        torch.manual_seed(2)
        losses = model(**data, mode="loss")
        losses["loss"].backward()
        results.append((losses, {name: parameter.grad for name, parameter in model.named_parameters()}))
    (losses, gradients), (dense_losses, dense_gradients) = results
    for name, value in losses.items():
        torch.testing.assert_close(dense_losses[name], value, rtol=1e-4, atol=1e-5)
    scale = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(dense_gradients[name], gradient, rtol=1e-3, atol=1e-5 * scale)


def test_dense_and_embedded_masks_give_one_segmentation():
    results = []
    for way in ("embedded", "dense"):
        model = build("panoptic", mask_prediction=way).eval()
        with torch.no_grad():
            results.append(model(**model.data_preprocessor(batch(model)), mode="predict")[0])
    torch.testing.assert_close(results[0].pred_instances.scores, results[1].pred_instances.scores)
    agree = (results[0].pred_sem_seg.data == results[1].pred_sem_seg.data).float().mean()
    assert agree > 0.999


def test_dense_prediction_draws_points_for_every_layer():
    shapes = {}
    for way in ("embedded", "dense"):
        model = build("instance", mask_prediction=way)
        output = model.decode(torch.randn(1, 3, 64, 64), all_layers=True)
        shapes[way] = model.criterion.matching_points(output.masks, 7, 1, torch.device("cpu")).shape[0]
    assert shapes == {"embedded": 1, "dense": 7}


def test_task_must_be_known():
    with pytest.raises(ValueError, match="panoptic, instance, semantic"):
        MODELS.build({**Config.fromfile(CONFIGS / "smoke" / "panoptic.py").model, "task": "depth"})


@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
def test_companions_are_given_the_targets_in_training_alone(mask_prediction):
    """Their part is added to the loss of the queries."""
    init_default_scope("m2f")
    config = Config.fromfile(CONFIGS / "smoke" / "panoptic.py").model
    config.transformer_decoder.mask_prediction = mask_prediction
    config.transformer_decoder.companions = {"type": "MaskPilots", "label_noise": 0.0}
    model = MODELS.build(config)
    alone = build("panoptic", mask_prediction=mask_prediction)
    alone.load_state_dict({name: own for name, own in model.state_dict().items() if "companions" not in name})
    data = model.data_preprocessor(batch(model), training=True)
    together, without = (own(**data, mode="loss") for own in (model, alone))
    assert together.keys() - without.keys() == {"loss_company"}
    queries = sum(value for name, value in together.items() if name not in ("loss", "loss_company"))
    torch.testing.assert_close(together["loss"], queries + together["loss_company"])
    together["loss"].backward()
    assert model.transformer_decoder.companions.features.weight.grad.any()
    assert model.eval().decode(data["inputs"], all_layers=True).company is None

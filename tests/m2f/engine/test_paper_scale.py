"""The paper's own configs: their numbers, and three iterations and an evaluation on real COCO images, in small."""

import csv
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import prepare
from m2f.engine.hooks import read_history
from m2f.engine.train import train
from m2f.registry import MODELS

ROOT = Path(__file__).parents[3]
COCO = ROOT.parent / "shared" / "data" / "coco100"
MILLION = 1e6


def paper(task):
    return Config.fromfile(ROOT / "configs" / "paper" / f"{task}.py")


@pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
def test_models_have_the_papers_number_of_parameters(task):
    init_default_scope("m2f")
    model = MODELS.build({**paper(task).model, "data_preprocessor": None})
    assert round(sum(parameter.numel() for parameter in model.parameters()) / MILLION) == 44  # Tables 1, 2 and 3


@pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
def test_mixed_precision_is_the_default_and_one_word_takes_it_back(task):
    config = paper(task)
    assert config.optim_wrapper.type == "AmpOptimWrapper"  # AMP is on in every config of the reference
    config.merge_from_dict({"optim_wrapper.type": "OptimWrapper"})
    model = torch.nn.ModuleDict({"backbone": torch.nn.Linear(1, 1)})
    assert type(build_optim_wrapper(model, config.optim_wrapper)).__name__ == "OptimWrapper"


@pytest.mark.parametrize("task", ["panoptic", "instance"])
def test_coco_settings_are_those_of_section_4_2(task):
    config = paper(task)
    assert config.optim_wrapper.optimizer == {"type": "AdamW", "lr": 1e-4, "weight_decay": 0.05}
    assert config.optim_wrapper.paramwise_cfg == {"backbone_lr_mult": 0.1}
    assert config.train_dataloader.batch_size == 16
    epochs = config.train_cfg.max_iters * 16 / 118287
    assert epochs == pytest.approx(50, abs=0.2)
    milestones = [milestone / config.train_cfg.max_iters for milestone in config.param_scheduler[0].milestones]
    assert milestones == pytest.approx([0.9, 0.95], abs=1e-4)
    resize, crop = config.train_dataloader.dataset.dataset.pipeline[3:5]
    assert (tuple(resize.ratio_range), tuple(resize.scale), tuple(crop.crop_size)) == (
        (0.1, 2.0),
        (1024,) * 2,
        (1024,) * 2,
    )
    assert config.model.criterion.num_points == 112 * 112
    assert tuple(config.val_dataloader.dataset.pipeline[1].scale) == (1333, 800)


def test_ade20k_settings():
    config = paper("semantic")
    assert (config.train_cfg.max_iters, config.train_dataloader.batch_size) == (160000, 16)
    assert (config.param_scheduler[0].type, config.param_scheduler[0].power) == ("PolyLR", 0.9)
    (crop,) = [step for step in config.train_dataloader.dataset.dataset.pipeline if step.type == "mmseg.RandomCrop"]
    assert tuple(crop.crop_size) == (512, 512)


@pytest.mark.skipif(not COCO.is_dir(), reason="needs the 200 COCO images at ../shared/data/coco100")
@pytest.mark.parametrize(
    ("task", "expected"),
    [("panoptic", {"PQ", "SQ", "RQ", "PQ_th", "PQ_st", "AP_pan_th", "mIoU_pan"}), ("instance", {"AP", "AP50", "AP75"})],
)
def test_coco_trains_from_a_cold_start(task, expected, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "coco").symlink_to(COCO)
    config = resolve_data_paths(paper(task), tmp_path / "data")
    config.merge_from_dict(
        {
            "optim_wrapper.type": "OptimWrapper",  # no GPU
            "model.backbone.init_cfg": None,
            "model.criterion.num_points": 256,
            "train_cfg.max_iters": 3,
            "train_cfg.val_interval": 3,
            "train_dataloader.batch_size": 2,
            "val_dataloader.dataset.indices": 6,
        }
    )
    for loader in (config.train_dataloader, config.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    train_steps, val_steps = config.train_dataloader.dataset.dataset.pipeline, config.val_dataloader.dataset.pipeline
    train_steps[3].scale = train_steps[4].crop_size = train_steps[5].size = (128, 128)
    val_steps[1].scale = (160, 96)
    prepare(config)
    metrics = train(config, tmp_path / "run")
    assert expected <= set(metrics)
    assert [entry["iteration"] for entry in read_history(tmp_path / "run")] == [3]
    trained = torch.load(tmp_path / "run" / "iter_3.pth", weights_only=False)["optimizer"]["state"]
    assert {int(state["step"]) for state in trained.values()} == {3}
    assert all(state["exp_avg"].any() for state in trained.values())  # every parameter had a gradient
    assert len(list((tmp_path / "run" / "samples").glob("*_prediction.png"))) == 4


def test_lite_trains_and_evaluates_on_the_images_that_it_chooses(smoke, tmp_path):
    """Its pipelines in small, on scenes, with the model of scale smoke; five of eight images are evaluated."""
    config, scenes = Config.fromfile(ROOT / "configs" / "lite" / "panoptic.py"), smoke()
    config.model, config.val_evaluator = scenes.model, scenes.val_evaluator
    small = {"train_cfg": {"max_iters": 2, "val_interval": 2}, "train_dataloader.batch_size": 2}
    config.merge_from_dict({**small, "optim_wrapper.type": "OptimWrapper"})  # a CPU has no mixed precision
    training, evaluated = config.train_dataloader.dataset.dataset, config.val_dataloader.dataset
    for dataset, number in ((training, 7), (evaluated, 5)):
        dataset.update(data_root=scenes.val_dataloader.dataset.data_root, num_images=number)
    for loader in (config.train_dataloader, config.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    training.pipeline[3].scale = training.pipeline[4].crop_size = training.pipeline[5].size = (64, 64)
    metrics = train(config, tmp_path / "run")
    assert "PQ" in metrics
    with (tmp_path / "run" / "per_image.csv").open(newline="") as file:
        assert len({row["image"] for row in csv.DictReader(file)}) == 5

"""Multi-scale testing beside detectron2's sizes and Mask2Former's own merge, and beside passes merged by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from m2f.data.resizing import ResizeShortestEdge
from m2f.errors import InputError
from m2f.models.multi_scale import FACTORS, as_reference, merged_scores, pass_sizes, shorter_side_at
from m2f.registry import MODELS

CONFIGS = Path(__file__).parents[3] / "configs" / "smoke"
LIMITS = {"ade20k_512": (512, 2048), "ade20k_640": (640, 2560), "cityscapes": (1024, 2048)}


@pytest.fixture(scope="module")
def shared():
    directory = Path(__file__).parents[4] / "shared"
    if not (directory / "golden/datasets/tta").is_dir():
        pytest.skip(f"{directory} with the golden data is missing")
    return directory


def test_sizes_are_detectron2s(shared):
    wanted = json.loads((shared / "golden/datasets/tta/expected.json").read_text())["sizes"]
    for name, images in wanted.items():
        for image in images:
            size = shorter_side_at(image["image"], *LIMITS[name])
            assert size == tuple(image["test_size"])
            found = [size for size in pass_sizes(size, LIMITS[name]) for _ in (False, True)]
            assert found == [tuple(each["size"]) for each in image["augmented"]]


def test_where_the_longer_side_is_resized_so_it_is_in_each_pass():
    half, _, same, *_ = pass_sizes((1536, 2048), (2048, 2048))
    assert (half, same) == ((768, 1024), (1536, 2048))


def test_an_image_that_was_not_resized_has_multiples_of_its_own_size():
    assert list(pass_sizes((100, 200), None)) == [(50, 100), (75, 150), (100, 200), (125, 250), (150, 300), (175, 350)]


def test_the_merge_is_mask2formers(shared):
    """Its model stands in: a convolution, softmax, and the resize of Mask2Former's post-processing."""
    golden = np.load(shared / "golden/datasets/tta/merged.npz")
    weight = torch.from_numpy(golden["weight"])
    name = "data/datasets/ade/ADEChallengeData2016/images/validation/ADE_val_00000003.jpg"
    pixels = np.asarray(Image.open(shared / name).convert("RGB"))
    tested = as_reference(pixels, shorter_side_at(pixels.shape[:2], 160, 640))
    scores = merged_scores(
        torch.from_numpy(tested.transpose(2, 0, 1).copy()),
        (160, 640),
        (300, 400),
        lambda image: F.conv2d((image[None].float() - 118) / 58, weight, padding=2).softmax(dim=1)[0],
    )
    np.testing.assert_allclose(scores[:, ::10, ::10].numpy(), golden["merged"], rtol=0, atol=1e-6)
    assert (scores.argmax(dim=0).numpy() == golden["argmax"]).mean() > 0.9999


@pytest.fixture(scope="module")
def models():
    """A tiny semantic model and the same one at many scales."""
    init_default_scope("m2f")
    config = Config.fromfile(CONFIGS / "semantic.py").model
    torch.manual_seed(0)
    plain = MODELS.build(config).eval()
    many = MODELS.build({**config, "type": "MultiScale"}).eval()
    many.load_state_dict(plain.state_dict())
    return plain, many


def test_scores_of_a_pass_are_the_models_own(models):
    plain, many = models
    image = torch.randint(256, (3, 60, 70), dtype=torch.uint8)
    sample = DetDataSample(metainfo={"img_shape": (60, 70), "ori_shape": (60, 70)})
    with torch.no_grad():
        expected = plain.val_step({"inputs": [image], "data_samples": [sample]})[0].pred_sem_seg.data[0]
        assert torch.equal(many.class_scores(image).argmax(dim=0), expected)


def test_each_image_of_a_batch_is_merged_at_its_own_size(models):
    _, many = models
    images = [torch.randint(256, (3, *size), dtype=torch.uint8) for size in ((40, 50), (48, 32))]
    samples = [DetDataSample(metainfo={"ori_shape": size}) for size in ((45, 57), (96, 64))]
    with torch.no_grad():
        found = many.val_step({"inputs": images, "data_samples": samples})
        for image, sample in zip(images, found, strict=True):
            passes = []
            for size in pass_sizes(tuple(image.shape[1:]), None):
                resized = torch.from_numpy(
                    as_reference(image.numpy().transpose(1, 2, 0), size).transpose(2, 0, 1).copy()
                )
                for flip in (False, True):
                    scores = many.class_scores(resized.flip(-1) if flip else resized)
                    scores = F.interpolate(scores[None], sample.ori_shape, mode="bilinear", align_corners=False)[0]
                    passes.append(scores.flip(-1) if flip else scores)
            assert len(passes) == 2 * len(FACTORS)
            expected = torch.stack(passes).mean(dim=0)
            agree = expected.argmax(dim=0) == sample.pred_sem_seg.data[0]
            assert agree.float().mean() > 0.999


def test_other_tasks_are_refused():
    init_default_scope("m2f")
    config = Config.fromfile(CONFIGS / "panoptic.py").model
    with pytest.raises(InputError, match="semantic models alone, not of task = 'panoptic'"):
        MODELS.build({**config, "type": "MultiScale"})


def test_the_pipeline_tells_what_an_image_was_resized_to():
    init_default_scope("m2f")
    results = {"img": np.zeros((30, 40, 3), np.uint8), "img_shape": (30, 40)}
    found = ResizeShortestEdge(scale=15, max_size=100).transform(results)
    assert (found["resized_to"], found["img"].shape) == ((15, 100), (15, 20, 3))

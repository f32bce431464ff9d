import csv

import pytest

from ablations.store import config_text
from m2f.cost.coco import SIZES, padded_size
from reports.cost import TEST_SIZES, image_size, inference_flops


def test_coco_s_image_has_the_pixels_of_the_paper_s_images():
    with SIZES.open(newline="") as file:
        sizes = [padded_size(int(row["height"]), int(row["width"])) for row in csv.DictReader(file)]
    height, width = TEST_SIZES["coco"]
    assert height * width == pytest.approx(sum(h * w for h, w in sizes) / len(sizes), rel=0.01)
    assert height % 32 == 0 and width % 32 == 0


def test_scenes_have_their_own_size():
    assert image_size({"dataset_name": "scenes", "scenes": {"image_size": 128}}) == (128, 128)
    assert image_size({"dataset_name": "coco"}) == TEST_SIZES["coco"]


def test_the_run_s_own_model_is_counted_with_dense_masks(tmp_path, monkeypatch):
    model = {"type": "Mask2Former", "transformer_decoder": {"type": "Decoder", "num_layers": 3}}
    config = {"dataset_name": "scenes", "scenes": {"image_size": 64}, "model": model}
    (tmp_path / "config.py").write_text(config_text(config))
    counted = []
    monkeypatch.setattr("m2f.cost.flops", lambda *arguments: counted.append(arguments) or 5.0)
    assert inference_flops(tmp_path) == 5.0
    decoder = {"type": "Decoder", "num_layers": 3, "mask_prediction": "dense"}
    assert counted == [({"type": "Mask2Former", "transformer_decoder": decoder}, (64, 64))]

import csv
from pathlib import Path

import pytest
from mmengine.config import Config

from m2f.cost import coco, coco_flops, flops

MINI = Path(__file__).parents[3] / "configs" / "mini" / "panoptic.py"


@pytest.mark.parametrize(
    ("image", "expected"),
    [((480, 640), (800, 1088)), ((640, 480), (1088, 800)), ((200, 640), (448, 1344)), ((800, 1333), (800, 1344))],
)
def test_images_are_resized_and_padded(image, expected):
    assert coco.padded_size(*image) == expected


def test_the_papers_images_have_903803_pixels_on_average():
    with coco.SIZES.open(newline="") as file:
        images = [coco.padded_size(int(row["height"]), int(row["width"])) for row in csv.DictReader(file)]
    assert len(images) == 100
    assert sum(height * width for height, width in images) / 100 == pytest.approx(903_803, abs=1)


def test_the_mean_is_over_images_and_counts_masks_at_their_size(tmp_path, monkeypatch):
    sizes = tmp_path / "sizes.csv"
    sizes.write_text("image_id,height,width\n1,128,128\n2,128,128\n3,100,50\n")
    monkeypatch.setattr(coco, "SIZES", sizes)
    model = Config.fromfile(MINI).model
    queries = model.transformer_decoder.queries.num_queries
    result = coco_flops(model)
    model.transformer_decoder.mask_prediction = "dense"
    networks = 2 * flops(model, (800, 800)) + flops(model, (1344, 672))
    masks = 4 * queries * (2 * 128 * 128 + 100 * 50)
    assert result == pytest.approx((networks + masks) / 3)

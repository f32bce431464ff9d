"""Maps against PIL's nearest neighbour, with which the reference resizes, and against the image beside them."""

import numpy as np
import pytest
from mmdet.structures.mask import BitmapMasks
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

import m2f.data.registered  # noqa: F401
from m2f.data.resizing import nearest

SIZES = [((40, 60), (20, 30)), ((40, 60), (13, 19)), ((41, 59), (50, 72)), ((41, 59), (103, 150)), ((5, 7), (5, 7))]


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize("kind", [np.int32, np.uint8])
def test_as_pil_resizes(old, new, kind):
    labels = np.random.default_rng(0).integers(0, 250, old).astype(kind)
    expected = np.asarray(Image.fromarray(labels).resize(new[::-1], Image.Resampling.NEAREST))
    resized = nearest(labels, new)
    assert resized.dtype == kind
    assert np.array_equal(resized, expected)


def disc(size):
    rows, columns = np.indices(size)
    return (rows - size[0] / 2 + 0.5) ** 2 + (columns - size[1] / 2 + 0.5) ** 2 < (size[0] / 3) ** 2


def centre(inside):
    return np.argwhere(inside).mean(axis=0)


@pytest.mark.parametrize(
    "step",
    [
        {"type": "m2f.Resize", "scale": (96, 96), "keep_ratio": True},
        {"type": "m2f.Resize", "scale": (96, 80)},
        {"type": "m2f.ResizeShortestEdge", "scale": 96, "max_size": 500},
        {"type": "RandomResize", "scale": (96, 96), "ratio_range": (1.0, 1.0), "resize_type": "m2f.Resize"},
        {"type": "RandomChoiceResize", "scales": [96], "resize_type": "m2f.ResizeShortestEdge", "max_size": 500},
    ],
    ids=lambda step: step["type"],
)
def test_maps_and_masks_lie_on_the_image(step):
    """By the centre of a disc, to a tenth of a pixel; mmdet's own are 0.4 off."""
    init_default_scope("m2f")
    inside = disc((500, 500))
    image = np.repeat(inside[..., None] * np.uint8(255), 3, axis=2)
    results = Compose([step])(
        {
            "img": image,
            "img_shape": image.shape[:2],
            "gt_seg_map": inside.astype(np.int32),
            "gt_masks": BitmapMasks(inside[None].astype(np.uint8), *inside.shape),
        }
    )
    shrunk = results["img"][..., 0] > 127
    for other in (results["gt_seg_map"], results["gt_masks"].masks[0]):
        assert other.shape == shrunk.shape
        assert np.abs(centre(other) - centre(shrunk)).max() < 0.1


def test_no_masks_are_no_masks():
    init_default_scope("m2f")
    masks = BitmapMasks(np.zeros((0, 40, 60), np.uint8), 40, 60)
    results = Compose([{"type": "m2f.Resize", "scale": (30, 20)}])(
        {"img": np.zeros((40, 60, 3), np.uint8), "img_shape": (40, 60), "gt_masks": masks}
    )
    assert results["gt_masks"].masks.shape == (0, 20, 30)

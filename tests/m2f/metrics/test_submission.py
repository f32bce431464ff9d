"""Zips for test servers, which the checker beside the project accepts, and those that it must refuse."""

import json
import runpy
import sys

import cv2
import numpy as np
import pytest
import torch

from m2f.data.unannotated import SERVERS, UnannotatedImages
from m2f.errors import InputError
from m2f.metrics.coco_results import CocoResults, own_category_ids, result_names
from m2f.metrics.submission import write_submission

SIZE = (12, 20)
FRAMES = ("berlin_000000_000019", "bonn_000001_000019")
CATEGORIES = [
    {"id": 1, "name": "person", "isthing": 1},
    {"id": 3, "name": "car", "isthing": 1},
    {"id": 92, "name": "banner", "isthing": 0},
]


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((*SIZE, 3), np.uint8))


@pytest.fixture
def data(tmp_path):
    """Two images in the layout of each data set."""
    root = tmp_path / "data"
    for name in FRAMES:
        write_image(root / "leftImg8bit/test" / name.split("_")[0] / f"{name}_leftImg8bit.png")
    for number in (1, 2):
        write_image(root / f"images/testing/ADE_test_{number:08d}.jpg")
        write_image(root / f"test2017/{number:012d}.jpg")
    images = [{"id": n, "file_name": f"{n:012d}.jpg", "height": SIZE[0], "width": SIZE[1]} for n in (1, 2)]
    (root / "annotations").mkdir()
    things = [{"id": each["id"], "name": each["name"]} for each in CATEGORIES[:2]]
    info = {"images": images, "categories": things}
    (root / "annotations/image_info_test-dev2017.json").write_text(json.dumps(info))
    panoptic = {"images": [], "annotations": [], "categories": CATEGORIES}
    (root / "annotations/panoptic_val2017.json").write_text(json.dumps(panoptic))
    return root


def check(shared, *arguments):
    """What the checker prints, and the status with which it ends."""
    path = shared / "tools/check_submission.py"
    before, sys.argv = sys.argv, [str(path), *map(str, arguments)]
    try:
        runpy.run_path(str(path))
    except SystemExit as end:
        return int(end.code)
    finally:
        sys.argv = before
    raise AssertionError("the checker has not ended")


def truth_of(server, data):
    if server.startswith("coco"):
        listing = [data / "annotations/image_info_test-dev2017.json"]
        return [*listing, data / "annotations/panoptic_val2017.json"] if server == "coco-panoptic" else listing
    return [data / ("images/testing" if server == "ade20k" else "leftImg8bit/test")]


def prediction(task, info, classes, generator):
    sample = {"img_id": info["img_id"], "img_path": info["img_path"]}
    if task == "semantic":
        sample["pred_sem_seg"] = {"data": torch.randint(classes, (1, *SIZE), generator=generator)}
    elif task == "instance":
        masks = torch.rand(3, *SIZE, generator=generator) > 0.5
        labels = torch.randint(classes, (3,), generator=generator)
        sample["pred_instances"] = {"masks": masks, "labels": labels, "scores": torch.tensor([0.9, 0.5, 1e-7])}
    else:
        sample["pred_panoptic_seg"] = {"data": torch.randint(3, (1, *SIZE), generator=generator, dtype=torch.int32)}
        sample["segments_info"] = [{"id": 1, "label": 0}, {"id": 2, "label": classes - 1}]
    return sample


def predicted(server, data, directory, images=None):
    """The zip of random predictions for the test images, or the first of them."""
    directory.mkdir()
    dataset = UnannotatedImages(server, str(data), pipeline=[])
    names = result_names(dataset)
    generator = torch.Generator().manual_seed(0)
    classes = len(dataset.metainfo["classes"])
    with CocoResults(directory, own_category_ids(dataset), names) as results:
        for index in range(len(dataset))[:images]:
            results.add(prediction(SERVERS[server].task, dataset.get_data_info(index), classes, generator))
    return write_submission(server, directory, names)


@pytest.mark.parametrize("server", SERVERS)
def test_the_checker_accepts_it(shared, data, tmp_path, server, capsys):
    path = predicted(server, data, tmp_path / "out")
    kind = "ade20k-semantic" if server == "ade20k" else server
    assert check(shared, kind, path, *truth_of(server, data)) == 0, capsys.readouterr().out


def test_an_image_without_an_instance_has_an_empty_list(shared, data, tmp_path):
    path = predicted("cityscapes-instance", data, tmp_path / "out", images=1)
    assert check(shared, "cityscapes-instance", path, data / "leftImg8bit/test") == 0


def test_the_checker_refuses_labels_from_0(shared, capsys):
    images = shared / "data/datasets/ade/ADEChallengeData2016/images/testing"
    wrong, right = (
        shared / f"golden/datasets/submissions/{name}.zip" for name in ("ade20k_zero_based_wrong", "ade20k_ok")
    )
    assert check(shared, "ade20k-semantic", right, images) == 0
    assert check(shared, "ade20k-semantic", wrong, images) == 1
    assert "expected 1..150" in capsys.readouterr().out


def test_the_checker_refuses_another_servers_zip(shared, data, tmp_path):
    """So it can refuse what is written here."""
    path = predicted("cityscapes-semantic", data, tmp_path / "out")
    assert check(shared, "cityscapes-instance", path, data / "leftImg8bit/test") == 1


@pytest.mark.parametrize(
    ("server", "gone", "said"),
    [
        ("ade20k", "images/testing", "images/testing does not exist"),
        ("coco-instance", "annotations/image_info_test-dev2017.json", "image_info_test-dev2017.json does not exist"),
        ("coco-panoptic", "annotations/panoptic_val2017.json", "panoptic_val2017.json does not exist"),
    ],
)
def test_what_is_missing_is_named(data, tmp_path, server, gone, said):
    (data / gone).rename(tmp_path / "gone")
    with pytest.raises(InputError, match=said):
        UnannotatedImages(server, str(data), pipeline=[])

import csv
import json

import numpy as np
import pytest

from m2f.engine.kept.tables import write_table


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_training_keeps_what_it_knows_of_classes_and_images(trained):
    """The classes' values are those behind the metrics, and each image of the data set has one line."""
    metrics = json.loads((trained / "history.json").read_text())[-1]["metrics"]
    classes = table(trained / "per_class.csv")
    found = [float(row["PQ"]) for row in classes if row["PQ"]]
    assert sum(found) / len(found) == pytest.approx(metrics["PQ"])
    assert {row["kind"] for row in classes} == {"thing", "stuff"}
    assert [row["AP_pan_th"] for row in classes if row["kind"] == "stuff"] == [""] * 4
    images = table(trained / "per_image.csv")
    assert [row["image"] for row in images] == [str(number) for number in range(1, 9)]
    assert max(float(row["PQ"]) for row in images) > 0
    assert list(images[0]) == ["image", "PQ", "AP_pan_th", "mIoU_pan"]


def test_what_images_give_to_a_metric_s_sums_makes_the_metric(trained):
    metrics = json.loads((trained / "history.json").read_text())[-1]["metrics"]
    with np.load(trained / "image_parts.npz") as parts:
        assert set(parts.files) == {"PQ", "mIoU_pan"}
        assert parts["PQ"].shape[:2] == (8, 4) and parts["mIoU_pan"].shape[:2] == (8, 2)
        iou, matched, wrong, missed = parts["PQ"].sum(axis=0)
        intersection, union = parts["mIoU_pan"].sum(axis=0)
    weight = matched + (wrong + missed) / 2
    assert 100 * (iou[weight > 0] / weight[weight > 0]).mean() == pytest.approx(metrics["PQ"], rel=1e-5)
    assert 100 * (intersection[union > 0] / union[union > 0]).mean() == pytest.approx(metrics["mIoU_pan"], rel=1e-5)


def test_a_table_has_all_columns_and_empty_cells(tmp_path):
    write_table(tmp_path / "table.csv", [{"class": 'a, "b"', "PQ": 0.1}, {"class": "c", "IoU": 2}])
    assert table(tmp_path / "table.csv") == [
        {"class": 'a, "b"', "PQ": "0.1", "IoU": ""},
        {"class": "c", "PQ": "", "IoU": "2"},
    ]

from dataclasses import replace

import pytest

from ablations.metric_names import is_name, lower_is_better, primary_metric, unit
from ablations.studies import STUDIES

STUDY = STUDIES["4c"]


@pytest.mark.parametrize(
    ("metric", "measured", "expected"),
    [
        (None, ["PQ", "AP50"], "PQ"),
        ({"semantic": "mIoU_pan"}, ["PQ"], "PQ"),
        ({"panoptic": "fg_avg"}, [], "fg_avg"),
        ({"panoptic": "PQ_layer"}, ["PQ_layer0", "PQ_layer9", "PQ_layer10", "AR100_layer11"], "PQ_layer10"),
        ({"panoptic": "PQ_layer"}, [], "PQ_layer"),
        ({"panoptic": "PQ_layer"}, ["PQ_layer_of_mine", "PQ_layer3"], "PQ_layer3"),
    ],
)
def test_primary_metric(metric, measured, expected):
    assert primary_metric(replace(STUDY, metric=metric), "panoptic", measured) == expected


def test_a_task_that_is_not_known_has_no_primary_metric():
    assert primary_metric(STUDY, "depth", ["PQ"]) == ""


@pytest.mark.parametrize(("metric", "expected"), [("fg_avg", "fraction"), ("PQ", "%"), ("AP_s", "%")])
def test_unit(metric, expected):
    assert unit(metric) == expected


@pytest.mark.parametrize(("metric", "expected"), [("bg_avg", True), ("loss_last", True), ("PQ", False)])
def test_direction(metric, expected):
    assert lower_is_better(metric) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PQ", True), ("50 épochs, “LSJ”", True), ("", False), ("a\nb", False), ("\x1b[2J", False), ("\ud800", False)],
)
def test_a_name_can_be_shown(text, expected):
    assert is_name(text) is expected

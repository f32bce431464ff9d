"""The names of a checkpoint's classes."""

import json

import pytest
import torch

from m2f.checkpoints.classes import read_classes

NAMES = ("cat", "dog")


@pytest.mark.parametrize(
    "meta",
    [
        {"dataset_meta": {"classes": NAMES, "palette": [(0, 0, 0)]}},
        {"dataset_meta": {"classes": list(NAMES)}},
        {"dataset_meta": {"CLASSES": NAMES}},
        {"CLASSES": NAMES},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_names_are_found_where_mmengine_and_mmdet_write_them(tmp_path, meta, zipped):
    content = {"meta": meta, "state_dict": {"weight": torch.zeros(3)}}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert read_classes(tmp_path / "a.pth") == NAMES


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"weight": torch.zeros(3)}},
        {"weight": torch.zeros(3)},
        {"meta": None},
        {"meta": {"dataset_meta": {"classes": 80}}},
        {"meta": {"dataset_meta": {"classes": [1, 2]}}},
        {"meta": {"dataset_meta": {"classes": []}}},
        {"meta": {"dataset_meta": [1]}},
        torch.zeros(3),
    ],
)
def test_others_have_none(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    assert read_classes(tmp_path / "a.pth") is None


def test_other_files_have_none(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"")
    assert read_classes(tmp_path / "a.pkl") is None


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"id2label": {"0": "cat", "1": "dog"}}, NAMES),
        ({"id2label": {"1": "dog", "0": "cat"}}, NAMES),
        ({"id2label": {str(number): f"class {number}" for number in reversed(range(11))}}, "in order"),
        ({}, None),
        ({"id2label": None}, None),
        ({"id2label": {}}, None),
        ({"id2label": ["cat", "dog"]}, None),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, None),
        ({"id2label": {"0": "0", "1": "1"}}, None),
        ({"id2label": {"0": 0, "1": 1}}, None),
        ({"id2label": {"0": "cat", "2": "dog"}}, None),
        ({"id2label": {"1": "cat", "2": "dog"}}, None),
        ({"id2label": {"0": "cat", "1": None}}, None),
    ],
)
def test_a_directory_of_transformers_has_those_of_its_config(tmp_path, config, names):
    (tmp_path / "config.json").write_text(json.dumps(config))
    if names == "in order":
        names = tuple(f"class {number}" for number in range(11))
    assert read_classes(tmp_path) == names

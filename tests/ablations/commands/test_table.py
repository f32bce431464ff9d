"""``m2f table``: the smallest scale in the place of the paper's, random weights in the place of published ones."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ablations.commands import table
from ablations.paper import Checkpoint
from ablations.planning import published
from ablations.planning.scales import CONFIGS, chosen_scale
from ablations.running.published import evaluate_rows
from ablations.studies import STUDIES
from ablations.studies.keys import ALSO_AT_MANY_SCALES
from m2f.data.prepare import prepare
from m2f.registry import MODELS

CHECKPOINTS = [
    Checkpoint("4a", "baseline", "semantic", "zoo/model_final_aaaaaa.pkl"),
    Checkpoint("4c", "SMCA", "semantic", "zoo/model_final_bbbbbb.pkl"),
]


@pytest.fixture(autouse=True)
def zoo(monkeypatch):
    monkeypatch.setattr(table, "SCALE", "smoke")
    monkeypatch.setattr(published, "published_checkpoints", lambda: CHECKPOINTS)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with ``checkpoints/below/model_final_aaaaaa.pth``, and the smallest scale's scenes in ``data``."""
    root = tmp_path_factory.mktemp("table")
    config = Config.fromfile(CONFIGS / "smoke" / "semantic.py")
    init_default_scope("m2f")
    (root / "checkpoints" / "below").mkdir(parents=True)
    state = MODELS.build(config.model).state_dict()
    torch.save({"state_dict": state}, root / "checkpoints" / "below" / "model_final_aaaaaa.pth")
    config.scenes.root = str(root / config.scenes.root)
    prepare(config)
    return root


def give(call, place, *more):
    words = ("table", "4c", "--checkpoints", place / "checkpoints", "--data", place / "data", "--out", place / "out")
    return call(*words, *more)


def test_what_is_there_is_evaluated_once_and_what_is_missing_is_named(call, place, monkeypatch):
    result = give(call, place)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    written = json.loads((place / "out" / "model_final_aaaaaa" / "metrics.json").read_text())["metrics"]
    assert written["mIoU"] > 0
    (row,) = [line for line in lines if " mIoU " in line]
    assert row.split() == [
        *("4c", "masked", "attention", "semantic", "mIoU", "47.2"),
        *(f"{written['mIoU']:.2f}", f"{written['mIoU'] - 47.2:+.2f}"),
    ]
    (absent,) = [line for line in lines if line.startswith("missing: ")]
    assert absent.startswith("missing: 4c SMCA, semantic: model_final_bbbbbb.pkl,")
    assert "not published: 4c mask pooling, panoptic" in lines

    monkeypatch.setattr("m2f.engine.coco_evaluation.evaluate_on", None)
    again = json.loads(give(call, place, "--json").stdout)
    (number,) = again["numbers"]
    assert (number["row"], number["metric"], number["paper"]) == ("masked attention", "mIoU", 47.2)
    assert number["value"] == written["mIoU"] and number["file"] == "model_final_aaaaaa.pkl"
    assert [line.partition(":")[0] for line in again["missing"]].count("missing") == 1


def test_an_evaluation_on_other_data_is_not_taken(complain, place, tmp_path):
    out = tmp_path / "out"
    (out / "model_final_aaaaaa").mkdir(parents=True)
    (out / "model_final_aaaaaa" / "metrics.json").write_text('{"data": "elsewhere", "metrics": {"PQ": 1.0}}')
    words = ("table", "4c", "--checkpoints", place / "checkpoints", "--data", place / "data", "--out", out)
    assert "holds an evaluation on elsewhere, not" in complain(*words)


@pytest.mark.parametrize("many_scales", [False, True])
def test_columns_of_many_scales_are_evaluated_where_they_are_asked_for(tmp_path, many_scales):
    study = replace(STUDIES["4c"], tasks=("semantic",), evaluation=ALSO_AT_MANY_SCALES)
    rows = list(published.published_rows([study], chosen_scale("smoke")))
    asked = {}

    def evaluate(path, checkpoint, data, out, change):
        config = change(Config.fromfile(path).to_dict())
        asked[out.name] = config["model"]["type"], config["model"]["transformer_decoder"]["cross_attention"]["type"]
        return SimpleNamespace(metrics={metric.get("name", "mIoU"): 40.0 for metric in config["val_evaluator"]})

    files = dict.fromkeys(CHECKPOINTS, tmp_path)
    filled = list(evaluate_rows(rows, files, tmp_path, tmp_path / "out", many_scales, evaluate, lambda line: None))
    once = {
        "model_final_bbbbbb": ("m2f.Mask2Former", "SMCA"),
        "model_final_aaaaaa": ("m2f.Mask2Former", "m2f.MaskedAttention"),
    }
    again = {f"{name}-many-scales": ("MultiScale", attention) for name, (_, attention) in once.items()}
    assert asked == (once | again if many_scales else once)
    wanted = {"mIoU": 40.0, "mIoU_ms": 40.0} if many_scales else {"mIoU": 40.0}
    assert [(each.row.variation.name, each.metrics) for each in filled] == [
        ("SMCA", wanted),
        ("masked attention", wanted),
    ]


def test_a_file_that_is_not_the_published_one_is_refused(complain, place, tmp_path):
    shutil.copy(place / "checkpoints" / "below" / "model_final_aaaaaa.pth", tmp_path / "model_final_bbbbbb.pkl")
    sentence = complain("table", "4c", "--checkpoints", tmp_path, "--data", place / "data")
    assert sentence.startswith(f"{tmp_path / 'model_final_bbbbbb.pkl'} is not the published file: its MD5 begins with")
    assert sentence.endswith("/zoo/model_final_bbbbbb.pkl.")


def test_nothing_there_and_tables_that_are_filled_otherwise(complain, tmp_path):
    assert "`m2f list --checkpoints 4c` says" in complain("table", "4c", "--checkpoints", tmp_path)
    assert "does not exist" in complain("table", "4c", "--checkpoints", tmp_path / "none")
    assert "--submission coco-panoptic" in complain("table", "II", "--checkpoints", tmp_path)
    assert "looks into its models" in complain("table", "Ib", "--checkpoints", tmp_path)

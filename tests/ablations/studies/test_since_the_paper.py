from itertools import product
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies import SINCE_THE_PAPER, STUDIES
from ablations.studies.study_s2 import ATTENTIONS, TRAININGS
from m2f.registry import MODELS

NOTHING = Path("nowhere")


def cells(tables, scale):
    return make_plan([STUDIES[table] for table in tables], chosen_scale(scale), ["panoptic"], [0], {}, NOTHING).cells


def test_they_are_three():
    assert [study.table for study in SINCE_THE_PAPER] == ["S1", "S2", "S3"]


def test_attention_and_training_are_crossed():
    rows = {row.name: row.overrides for row in STUDIES["S2"].variations}
    for attention, training in product(ATTENTIONS, TRAININGS):
        overrides = rows[", ".join(filter(None, (attention, training)))]
        for own, *_ in (ATTENTIONS[attention], TRAININGS[training]):
            assert own.items() <= overrides.items()


def test_in_small_their_baselines_are_the_papers():
    """At mini and smoke the configs' own length is kept, so that a baseline is trained once for all tables but S3."""
    baselines = [cell.run.name for cell in cells(["4c", "S1", "S2", "S3"], "mini") if cell.variant in BASELINES]
    assert len(baselines) == 4
    assert len(set(baselines[:3])) == 1
    assert baselines[3] != baselines[0], "six layers in the pixel decoder"


def test_in_full_all_have_one_baseline(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    for scale in ("paper", "lite"):
        assert len({cell.run.name for cell in cells(["S1", "S2", "S3"], scale) if cell.variant in BASELINES}) == 1


BASELINES = {"masked attention", "MSDeformAttn"}


def test_on_coco_they_train_for_twelve_epochs(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    for scale, epoch in (("paper", 7375), ("lite", 120)):
        lengths = {cell.run.config["train_cfg"]["max_iters"] for cell in cells(["S1", "S2", "S3"], scale)}
        assert lengths == {12 * epoch}


@pytest.fixture(scope="module")
def pixel_decoders():
    """The models of S3's rows at mini; smoke's are the same."""
    init_default_scope("m2f")
    models = {cell.variant: cell.run.config["model"] for cell in cells(["S3"], "mini")}
    return {name: MODELS.build(Config(model)) for name, model in models.items()}


def test_deformable_layers_and_rounds_are_whole_in_small_too(pixel_decoders):
    stages = {name: len(model.pixel_decoder.stages[0]) for name, model in pixel_decoders.items() if "PRO-" in name}
    assert (stages["PRO-SCALE"], stages["PRO-SCALE, one layer a stage"]) == (3, 1)
    kinds = {name: len(model.pixel_decoder.layers) for name, model in pixel_decoders.items() if "Lite" in name}
    assert kinds == {"Lite, (2 + 1) x 3": 9, "Lite, (1 + 1) x 3": 6, "Lite, (5 + 1) x 1": 6}
    assert len(pixel_decoders["PEM"].transformer_decoder.layers) == 3, "a round of its three scales"


def test_no_two_rows_are_the_same_model(pixel_decoders):
    assert len({repr(model) for model in pixel_decoders.values()}) == len(pixel_decoders) == 20


def test_every_parameter_learns(pixel_decoders):
    for name, model in pixel_decoders.items():
        output = model.train().decode(torch.rand(2, 3, 64, 64), all_layers=True)
        (output.class_logits.sum() + output.masks.everything().square().sum()).backward()
        without = [parameter for parameter, values in model.named_parameters() if values.grad is None]
        assert without == [], name

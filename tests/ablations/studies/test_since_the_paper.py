from itertools import product
from pathlib import Path

import pytest

from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies import SINCE_THE_PAPER, STUDIES
from ablations.studies.study_s2 import ATTENTIONS, TRAININGS

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
    """At mini and smoke the configs' own length is kept, so that a baseline is trained once for all tables."""
    baselines = {cell.run.name for cell in cells(["4c", "S1", "S2", "S3"], "mini") if cell.variant in BASELINES}
    assert len(baselines) == 1


BASELINES = {"masked attention", "MSDeformAttn"}


def test_on_coco_they_train_for_twelve_epochs(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    for scale, epoch in (("paper", 7375), ("lite", 120)):
        lengths = {cell.run.config["train_cfg"]["max_iters"] for cell in cells(["S1", "S2", "S3"], scale)}
        assert lengths == {12 * epoch}


@pytest.mark.parametrize("scale", ["smoke", "mini"])
def test_widths_and_depths_go_with_the_scale(scale):
    models = {cell.variant: cell.run.config["model"] for cell in cells(["S3"], scale)}
    assert models["PEM"]["transformer_decoder"]["num_layers"] == 2  # two thirds of three
    assert models["PRO-SCALE"]["pixel_decoder"]["num_layers"] == 2
    assert models["PRO-SCALE, one layer a stage"]["pixel_decoder"]["num_layers"] == 1

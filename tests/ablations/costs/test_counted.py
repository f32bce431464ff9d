from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config

from ablations.costs import counted as costs
from ablations.costs.counted import CostRow, cost_frame, inference_flops, study_costs
from ablations.store.results_frame import COLUMNS
from ablations.store.run_record import RunRecord
from ablations.store.runs import config_text
from ablations.studies import STUDIES
from m2f.cost import Images, flops

MINI = Path(__file__).parents[3] / "configs" / "mini" / "panoptic.py"


def row(metric, value, paper, **identity):
    return CostRow({"variant": "BiFPN", "method": "Mask2Former", **identity}, metric, value, paper)


@pytest.mark.parametrize("table", ["4a", "4d", "4e", "XIa"])
def test_costs_are_the_papers(table, monkeypatch):
    """Every cell that the paper prints, within its tolerance; and m2f's own need fewer operations."""
    monkeypatch.setattr("ablations.costs.counted.WITH_MEMORY", ())  # to count training steps takes a minute
    rows = study_costs([STUDIES[table]])
    printed = [each for each in rows if each.paper is not None]
    assert len(printed) == len(STUDIES[table].variations) - (table == "4e")  # FaPN has none
    assert [each for each in printed if not each.within] == []
    by_row = {(each.identity["variant"], each.metric): each.value for each in rows}
    for variant, metric in by_row:
        if metric == "flops_ours" and variant != "- masked attention":
            assert by_row[variant, "flops"] - by_row[variant, metric] > 5


def test_main_results_have_the_papers_parameters(monkeypatch):
    monkeypatch.setattr("m2f.cost.flops", lambda *_: 0.0)
    rows = [each for each in study_costs([STUDIES[table] for table in ("I", "III", "V")]) if each.metric == "params"]
    assert len(rows) == len([each for each in rows if each.within]) == 36


def test_maskformers_cells_of_table_v_are_without_auxiliary_masks():
    """Counted without them they are the paper's, and the cells say so; two are outside with them."""
    table = STUDIES["V"]
    rows = [
        row for row in table.variations if row.name in ("MaskFormer, R50", "MaskFormer, R101", "MaskFormer, Swin-T")
    ]
    counted = study_costs([replace(table, variations=tuple(rows))])
    flops_of = {(each.identity["backbone"], each.metric): each for each in counted}
    for backbone, paper, without in (("R50", 53, 52.8), ("R101", 73, 72.2), ("Swin-T", 55, 54.9)):
        row = flops_of[backbone, "flops"]
        assert (row.paper, row.mark) == (paper, "\u2020")
        assert flops_of[backbone, "flops_ours"].value == pytest.approx(without, abs=0.06)
        assert abs(flops_of[backbone, "flops_ours"].value - paper) < 1
    assert [each.identity["backbone"] for each in counted if each.within is False] == ["R50", "Swin-T"]
    assert flops_of["R50", "params"].value == pytest.approx(41.3, abs=0.05)
    assert flops_of["R50", "params"].mark == ""


def test_ten_gflops_less_of_226():
    rows = {
        each.metric: each.value
        for each in study_costs([STUDIES["4c"]])
        if each.identity["variant"] == "masked attention"
    }
    assert rows["flops"] == pytest.approx(226.2, abs=0.05)
    assert rows["flops"] - rows["flops_ours"] > 10


@pytest.mark.parametrize(
    ("metric", "value", "paper", "within"),
    [
        ("params", 44.6, 44.0, True),
        ("params", 45.6, 44.0, False),
        ("flops", 204.6, 198.7, True),
        ("flops", 204.6, 198.0, False),
        ("memory", 14.0, 18.0, True),
        ("memory", 13.0, 18.0, False),
        ("flops", 1.0, None, None),
    ],
)
def test_tolerances(metric, value, paper, within):
    assert row(metric, value, paper).within is within


def test_designs_that_the_paper_gives_are_held_closer():
    assert not row("flops", 204.6, 198.7, variant="FPN").within


def test_a_frame_has_the_columns_of_results(monkeypatch):
    monkeypatch.setattr(costs, "config_costs", lambda *_, **__: {"params": 44.04, "flops": 226.21, "flops_ours": 214.6})
    frame = cost_frame(study_costs([STUDIES["4c"]]))
    assert list(frame.columns) == list(COLUMNS)
    assert set(frame["metric"]) == {"params", "flops", "flops_ours"}
    assert set(frame["scale"]) == {"paper"}


def test_a_runs_own_model_is_counted_with_dense_masks(tmp_path):
    config = Config.fromfile(MINI).to_dict()
    config["model"]["transformer_decoder"]["num_layers"] = 2
    (tmp_path / "config.py").write_text(config_text(config))
    dense = Config(config).model
    dense.transformer_decoder.mask_prediction = "dense"
    assert inference_flops(RunRecord(tmp_path)) == pytest.approx(flops(dense, Images({(128, 128): 1})))

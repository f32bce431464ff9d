import json
from pathlib import Path

import pandas as pd
import pytest
from mmengine.registry import init_default_scope

from ablations.comparing.beside_paper import comparison_frame
from ablations.paper import paper_results
from ablations.planning.plan import Plan, make_plan
from ablations.planning.scales import SCALES, chosen_scale
from ablations.store.results_frame import COLUMNS
from ablations.studies import FIGURES, MAIN_RESULTS, OTHER_DATA_SETS, STUDIES, TABLES, TEST_SERVERS
from m2f.errors import InputError
from m2f.models.without_data import EmptyOnMeta
from m2f.registry import MODELS

STUDY_LIST = list(STUDIES.values())
ids = list(STUDIES)
IN_PAPER = [study for study in STUDY_LIST if study in TABLES or study.table == "Ib"]
NOTHING = Path("nowhere")


@pytest.fixture(scope="module")
def paper():
    return paper_results()


def cells(studies, scale, tasks=("panoptic", "instance", "semantic")):
    """A plan whose data are not looked at."""
    return make_plan(studies, chosen_scale(scale), tasks, [0], {}, NOTHING).cells


ROWS_OF_RESULTS = (*MAIN_RESULTS, *OTHER_DATA_SETS, *TEST_SERVERS)


@pytest.mark.parametrize("study", ROWS_OF_RESULTS, ids=[study.table for study in ROWS_OF_RESULTS])
def test_main_results_are_the_papers_rows(study, paper):
    """Each with the tasks that the paper has it in."""
    rows = paper[(paper["table"] == study.table) & paper["method"].isin(["Mask2Former", "MaskFormer"])]
    datasets = rows["dataset"] if study in OTHER_DATA_SETS else [""] * len(rows)
    theirs = set(zip(rows["task"], rows["variant"], rows["method"], rows["backbone"], datasets, strict=True))
    ours = {
        (task, row.named_by_the_paper(task), row.method, row.backbone, row.dataset)
        for task in study.tasks
        for row in study.rows(task)
    }
    assert ours == theirs


@pytest.mark.parametrize("study", OTHER_DATA_SETS, ids=[study.table for study in OTHER_DATA_SETS])
def test_rows_of_other_data_sets_have_numbers_of_the_paper(study, paper):
    results = pd.DataFrame(columns=list(COLUMNS))
    frame = comparison_frame(results, paper, [study], "paper")
    primary = frame[frame["metric"].isin(["PQ", "AP", "mIoU"])]
    assert primary["paper"].notna().all()
    assert len(primary) == sum(len(study.rows(task)) for task in study.tasks)


def test_tables_that_print_multi_scale_testing_evaluate_their_trainings_so(paper):
    """Those alone, and semantic models alone."""
    rows = paper[(paper["metric"] == "mIoU_ms") & paper["method"].isin(["Mask2Former", "MaskFormer"])]
    assert set(rows["task"]) == {"semantic"}
    adding = {study.table for study in STUDY_LIST if study.evaluation and study.evaluation.adds}
    assert adding == set(rows["table"])
    for table in adding:
        study = STUDIES[table]
        own = rows[rows["table"] == table]
        printed = set(zip(own["variant"], own["method"], own["backbone"], strict=True))
        ours = {(row.named_by_the_paper("semantic"), row.method, row.backbone) for row in study.rows("semantic")}
        assert ours == printed
        assert [task for task in study.tasks if study.evaluated_again(task)] == ["semantic"]


def test_multi_scale_testing_is_of_the_rows_own_training(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    first, again = cells([STUDIES["6"]], "paper", ["semantic"])[:2]
    assert again.run.source == first.run
    assert again.run.config["model"] == {**first.run.config["model"], "type": "MultiScale"}
    assert again.run.config["val_evaluator"] == [{"type": "m2f.MeanIoU", "name": "mIoU_ms"}]


def test_swin_l_has_more_queries_where_the_paper_has(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    large = [cell.run for cell in cells(OTHER_DATA_SETS, "paper") if cell.variant == "Mask2Former, Swin-L-22k"]
    queries = {
        (run.dataset, run.task): run.config["model"]["transformer_decoder"]["queries"]["num_queries"] for run in large
    }
    assert queries == {key: 100 if key[1] == "semantic" else 200 for key in queries}
    assert {task for _, task in queries} >= {"panoptic", "semantic"}


def test_a_test_server_on_coco_judges_the_runs_of_tables_i_and_iii(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    of_table = {
        table: {cell.run.name for cell in cells([STUDIES[table]], "paper")} for table in ("I", "II", "III", "IV")
    }
    assert of_table["II"] < of_table["I"] and len(of_table["II"]) == 2
    assert of_table["IV"] < of_table["III"] and len(of_table["IV"]) == 1


def test_the_models_of_table_vi_learn_from_validation_images_too(monkeypatch):
    """As often as the others learn from each training image."""
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    for cell in cells([STUDIES["VI"]], "paper"):
        config = cell.run.config
        assert config["train_dataloader"]["dataset"]["dataset"]["type"] == "m2f.ADE20KTrainAndValidation"
        iterations = config["train_cfg"]["max_iters"]
        assert iterations / 22210 == pytest.approx(160000 / 20210, rel=1e-4)
        assert config["param_scheduler"][-1]["end"] == iterations


def test_main_results_are_of_the_papers_scale_alone():
    with pytest.raises(InputError, match="Table V is of --scale lite or paper alone, not mini"):
        cells([STUDIES["V"]], "mini", ["semantic"])


@pytest.mark.parametrize("study", IN_PAPER, ids=[study.table for study in IN_PAPER])
def test_rows_are_those_of_the_paper(study, paper):
    """By name, method and backbone, and in the paper's order."""
    rows = paper[(paper["table"] == study.table) & paper["method"].isin(["Mask2Former", "MaskFormer"])]
    theirs = list(dict.fromkeys(zip(rows["variant"], rows["method"], rows["backbone"], strict=True)))
    assert [(row.paper_row, row.method, row.backbone) for row in study.variations] == theirs
    assert set(study.tasks) == set(rows["task"])


def test_every_ablation_of_the_paper_is_there():
    tables = ["4a", "4b", "4c", "4d", "4e", "5", "XIa", "XIb", "XIIc", "XIId"]
    assert [study.table for study in TABLES] == tables
    assert [study.table for study in FIGURES] == ["Ib", "figII", "figIII", "figIV", "fig3"]


@pytest.mark.parametrize("study", STUDY_LIST, ids=ids)
def test_baseline_is_one_of_the_rows(study):
    names = [row.name for row in study.variations]
    assert len(set(names)) == len(names)
    assert study.baseline in names


def test_one_model_is_the_baseline_of_all_that_ablate_it():
    baselines = {
        cell.training.name
        for study in (*TABLES, *FIGURES)
        if study.table not in ("XIIc", "XIId")
        for cell in cells([study], "mini", ["panoptic"])
        if cell.variant == study.baseline
    }
    assert len(baselines) == 1


@pytest.mark.parametrize("study", STUDY_LIST, ids=ids)
def test_every_row_has_a_provenance_with_its_reason(study):
    for row in study.variations:
        assert row.provenance in ("exact", "inferred", "unspecified")
        assert row.reason.endswith(".")


@pytest.mark.parametrize("scale", ["smoke", "mini"])
def test_rows_that_the_paper_gives_one_number_are_one_run(scale):
    """The tables' rows that are the same model, and no others; at mini rows beside MaskFormer's train longer."""
    runs = Plan(cells(TABLES, scale, ["panoptic"])).trainings
    shared = {frozenset((cell.table, cell.variant) for cell in own) for _, own in runs.values() if len(own) > 1}
    baseline = {(study.table, study.baseline) for study in TABLES if not study.table.startswith("XII")}
    on_fpn = frozenset({("4e", "FPN"), ("XIId", "Mask2Former decoder, FPN")})
    assert shared == ({on_fpn} if scale != "mini" else set()) | {
        frozenset(baseline),
        frozenset({("4a", "- masked attention"), ("4c", "cross-attention")}),
        frozenset({("4a", "- high-resolution features"), ("4d", "single scale 1/32")}),
        frozenset({("4b", "- learnable query features"), ("XIb", "zero-initialized")}),
        frozenset({("XIIc", "Mask2Former training params"), ("XIId", "MaskFormer decoder, FPN")}),
    }


def test_figures_use_the_tables_trainings():
    tables = set(Plan(cells(TABLES, "mini", ["panoptic"])).trainings)
    sources = {cell.run.source.name for cell in cells(FIGURES, "mini", ["panoptic"]) if cell.run.source}
    assert len(sources) == 2
    assert sources <= tables


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale != "lite"])
def test_every_row_builds(scale, monkeypatch):
    """At every scale and for every task the row's config makes a model whose every option is known.

    The models of lite are the paper's: tests/ablations/planning/test_lite.py.
    """
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    init_default_scope("m2f")
    seen = set()
    for cell in cells([study for study in STUDY_LIST if not study.scales or scale in study.scales], scale):
        text = json.dumps(cell.run.config["model"], sort_keys=True)
        if text not in seen and (scale == "mini" or cell.run.task == "panoptic"):
            seen.add(text)
            with EmptyOnMeta():
                model = MODELS.build(json.loads(text))
            assert sum(parameter.numel() for parameter in model.parameters()) > 0
    assert len(seen) > 20


def test_query_counts_are_the_papers_at_its_scale_and_in_proportion_at_mini(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    counts = {
        scale: [
            cell.run.config["model"]["transformer_decoder"]["queries"]["num_queries"]
            for cell in cells([STUDIES["XIa"]], scale, ["panoptic"])
        ]
        for scale in ("paper", "mini")
    }
    assert counts == {"paper": [50, 100, 200, 300, 1000], "mini": [15, 30, 60, 90, 300]}


def test_maskformer_is_table_xii_at_the_papers_scale(monkeypatch):
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    own, ours = (cell.run.config for cell in cells([STUDIES["XIIc"]], "paper", ["panoptic"]))
    for config in (own, ours):
        decoder = config["model"]["transformer_decoder"]
        assert decoder["num_layers"] == 6
        assert decoder["dropout"] == 0.1
        assert decoder["reads"] == [[32]]
        assert decoder["queries"]["type"] == "ZeroQueries"
    assert own["train_cfg"]["max_iters"] == 554400  # as its authors have it; 75 epochs are 553125
    assert ours["train_cfg"]["max_iters"] == 50 * 7375
    assert own["optim_wrapper"]["optimizer"]["weight_decay"] == 1e-4
    assert own["model"]["criterion"]["entropy_weight"] == 20

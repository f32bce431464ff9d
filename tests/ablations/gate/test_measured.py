import json

import pandas as pd
import pytest

from ablations.gate import measured
from ablations.gate.baseline_file import BaselineFile, Evidence, Speed, TableBlock, TableRow, write_baseline_file
from ablations.gate.measured import read_evidence
from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.store.pack import pack
from ablations.store.record_writing import add_facts, write_running
from ablations.store.results_frame import read_results
from ablations.studies import STUDIES
from m2f.errors import InputError

MASKED = TableRow("9z", "smoke", "panoptic", "masked")
PLAIN = MASKED._replace(variant="plain")
ENVIRONMENT = {"processor": "A processor", "threads": 1, "torch": "2.13.0", "numpy": "2.2.6"}


@pytest.fixture
def finished(plan, have_done):
    """A finished sweep: two rows, two seeds."""
    return have_done(plan(seeds=(0, 1)), leave)


def leave(directory, cell):
    """Leave what a training and its worker leave."""
    value = 40.0 + cell.run.seed
    write_running(directory)
    add_facts(directory, environment=ENVIRONMENT, git={"commit": "c0ffee", "dirty": value > 40})
    log(directory, "20260101_000000", [(1, 50.5), (2, 45.0)])
    (directory / "timing.json").write_text(json.dumps({"seconds": {"data": 5.0, "train": value, "total": 99.0}}))
    return {"PQ": value + 1 / 3, "SQ": 70.0}


def log(directory, started, losses):
    """What mmengine's visualizer writes."""
    path = directory / started / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    records = [{"loss": loss, "step": step} for step, loss in losses]
    path.write_text("".join(json.dumps(each) + "\n" for each in [*records, {"PQ": 40.0, "step": 2}]))


def test_a_stores_metrics_and_losses(finished):
    metrics = read_evidence(finished).evidence.metrics
    assert metrics[MASKED, "PQ"] == {0: 40.3333, 1: 41.3333}
    assert metrics[MASKED, "loss_first"] == {0: 50.5, 1: 50.5}
    assert metrics[PLAIN, "loss_last"] == {0: 45.0, 1: 45.0}


def test_a_run_that_went_on_has_the_losses_of_both_parts(finished):
    for directory in (finished / "runs").iterdir():
        log(directory, "20260102_000000", [(3, 44.0), (4, 43.0)])
    metrics = read_evidence(finished).evidence.metrics
    assert metrics[MASKED, "loss_first"] == {0: 50.5, 1: 50.5}
    assert metrics[MASKED, "loss_last"] == {0: 43.0, 1: 43.0}


def test_a_stores_speed_is_training_alone_by_iteration(finished):
    """Of ten iterations each: 4.0 and 4.1 seconds."""
    assert read_evidence(finished).evidence.speeds == {MASKED: Speed(4.05), PLAIN: Speed(4.05)}


def test_a_rows_speed_is_a_ratio_where_one_machine_is_known_to_have_trained_it_and_its_baseline(
    plan, have_done, study, monkeypatch, tmp_path
):
    """Seed 0 on two machines, of which one is twice as fast; seed 1 on one; of seed 2 no processor is known."""
    monkeypatch.setitem(STUDIES, study.table, study)
    fast, slow, unknown = ({**ENVIRONMENT, "processor": name} for name in ("fast", "slow", ""))
    machines = {0: (slow, fast), 1: (fast, fast), 2: (unknown, unknown)}

    def leave_on(directory, cell):
        measured = leave(directory, cell)
        is_baseline = cell.variant == study.baseline
        seconds = {0: 100.0, 1: 40.0, 2: 7.0}[cell.run.seed] / (1.0 if is_baseline else 2.0)
        add_facts(directory, environment=machines[cell.run.seed][not is_baseline])
        (directory / "timing.json").write_text(json.dumps({"seconds": {"train": seconds}}))
        return measured

    store = have_done(plan(seeds=(0, 1, 2)), leave_on)
    (row,) = (row for row in (MASKED, PLAIN) if row.variant != study.baseline)
    assert read_evidence(store).evidence.speeds[row] == Speed(2.0, 0.5)
    pack(read_results(store), tmp_path / "packed", ())
    assert read_evidence(tmp_path / "packed").evidence.speeds[row] == Speed(2.0, 0.5)


def test_a_stores_sources(finished):
    assert read_evidence(finished).evidence.sources == {
        MASKED.block: {
            "commit": ["c0ffee", "c0ffee with local changes"],
            "processor": "A processor",
            "threads": 1,
            "torch": "2.13.0",
        }
    }


def test_a_store_of_runs_without_logs_and_records_has_its_metrics(finished):
    for directory in (finished / "runs").iterdir():
        (directory / "timing.json").unlink()
        (directory / "20260101_000000" / "vis_data" / "scalars.json").unlink()
    evidence = read_evidence(finished).evidence
    assert set(evidence.metrics) == {(row, metric) for row in (MASKED, PLAIN) for metric in ("PQ", "SQ")}
    assert evidence.speeds == {}


def test_costs_are_those_of_the_runs_configs(have_done, tmp_path):
    """The paper's model in small; MaskPooling has fewer parameters than attention."""
    cells = make_plan([STUDIES["4c"]], chosen_scale("smoke"), ["panoptic"], [0], {}, tmp_path / "data").cells
    costs = read_evidence(have_done(cells, lambda *_: {"PQ": 0.0})).evidence.costs
    rows = {row.variant: cost for row, cost in costs.items()}
    assert set(rows) == {variation.name for variation in STUDIES["4c"].variations}
    assert rows["mask pooling"]["params"] < rows["masked attention"]["params"] == rows["cross-attention"]["params"]
    assert rows["masked attention"]["flops_ours"] < rows["masked attention"]["flops"]
    from m2f.cost import parameters

    assert rows["SMCA"]["params"] * 1e6 == pytest.approx(parameters(cells[1].run.config["model"]), abs=1e-3)


def test_a_row_of_two_models_has_no_costs(finished, plan, monkeypatch):
    monkeypatch.setattr(measured, "count_costs", lambda config: {"params": 1.0 + ("wide" in config["model"])})
    assert read_evidence(finished).evidence.costs == {MASKED: {"params": 1.0}, PLAIN: {"params": 1.0}}
    run = next(cell.run for cell in plan(seeds=(1,)) if cell.variant == "plain")
    config = finished / "runs" / run.name / "config.py"
    config.write_text(config.read_text().replace("model = {", "model = {'wide': True, "))
    assert read_evidence(finished).evidence.costs == {MASKED: {"params": 1.0}}


def test_an_evaluation_has_metrics_alone(plan, evaluated_study, have_done):
    evidence = read_evidence(have_done(plan(studies=[evaluated_study]), leave)).evidence
    assert {metric for _, metric in evidence.metrics} == {"PQ", "SQ"}
    assert evidence.speeds == evidence.costs == {}


def test_a_module_of_ones_own_must_be_there(finished):
    for directory in (finished / "runs").iterdir():
        config = directory / "config.py"
        config.write_text(config.read_text() + "\ncustom_imports = {'imports': ['my_lost_module']}\n")
    with pytest.raises(InputError, match=r"components of the module 'my_lost_module'.*--import my_lost_module"):
        read_evidence(finished)


def test_a_results_frame_as_csv_has_the_stores_metrics(finished, tmp_path):
    path = tmp_path / "results.csv"
    read_results(finished).frame.to_csv(path, index=False)
    of_store, of_csv = (read_evidence(source).evidence.metrics for source in (finished, path))
    assert of_csv == {key: values for key, values in of_store.items() if not key[1].startswith("loss")}


def test_several_runs_of_a_row_and_seed_are_bad_input(finished, plan, have_done):
    have_done(plan(seeds=(0,), **{"train_cfg.max_iters": 20}), lambda *_: {"PQ": 10.0})
    with pytest.raises(InputError, match=r"9z 'masked' \(panoptic, smoke\), seed 0"):
        read_evidence(finished)


def test_a_baseline_is_read_with_its_tolerances(tmp_path):
    baseline = BaselineFile(Evidence({(MASKED, "PQ"): {0: 1.0}}), {"PQ": 2.0}, None)
    write_baseline_file(tmp_path / "baseline.json", baseline)
    assert read_evidence(tmp_path / "baseline.json") == baseline


def test_an_empty_store_and_nothing_at_all_are_bad_input(store, tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        read_evidence(store)
    with pytest.raises(InputError, match="There is nothing at"):
        read_evidence(tmp_path / "nothing")
    with pytest.raises(InputError, match="There is no store"):
        read_evidence(tmp_path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "seed,value\none,2\n"])
def test_another_csv_is_bad_input(tmp_path, text):
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"results\.csv"):
        read_evidence(path)


def test_undefined_values_are_no_values(finished, tmp_path):
    frame = read_results(finished).frame
    frame.loc[frame["seed"] == 1, "value"] = float("nan")
    frame.to_csv(tmp_path / "results.csv", index=False)
    metrics = read_evidence(tmp_path / "results.csv").evidence.metrics
    assert pd.Series(metrics[MASKED, "PQ"]).to_dict() == {0: 40.3333}
    assert TableBlock("9z", "smoke", "panoptic") in read_evidence(tmp_path / "results.csv").evidence.blocks


@pytest.mark.parametrize("column", ["variant", "metric"])
def test_a_results_frame_with_a_name_that_steers_a_terminal(finished, tmp_path, column):
    frame = read_results(finished).frame
    frame[column] = "\x1b[31mred"
    frame.drop_duplicates(["variant", "metric", "seed", "task"]).head(1).to_csv(tmp_path / "results.csv", index=False)
    with pytest.raises(InputError, match=r"results\.csv has .*give them names to print"):
        read_evidence(tmp_path / "results.csv")

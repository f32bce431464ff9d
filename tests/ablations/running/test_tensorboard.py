from dataclasses import replace

from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ablations.planning.plan import Plan, make_plan
from ablations.planning.scales import chosen_scale
from ablations.running.sweep import prepare_data
from ablations.running.tensorboard import file_name, with_tensorboard
from ablations.running.worker import perform
from ablations.store.runs import create_run, open_store
from ablations.studies import STUDIES
from ablations.studies.study import Study, Variation


def watched(run):
    return [backend["type"] for backend in run.config["visualizer"]["vis_backends"]]


def smoke_plan(data, *studies, **overrides):
    return make_plan(studies, chosen_scale("smoke"), ["panoptic"], [0], overrides, data)


def test_curves_of_a_training(tmp_path):
    baseline = replace(STUDIES["4c"], variations=STUDIES["4c"].variations[-1:])
    (cell,) = with_tensorboard(smoke_plan(tmp_path, baseline), tmp_path / "curves").cells
    prepare_data([cell.run], tmp_path, Console(quiet=True))
    directory = create_run(open_store(tmp_path / "store"), cell.run, tmp_path)
    metrics = perform(directory, None)
    place = tmp_path / "curves/4c/masked attention/smoke/panoptic" / f"seed 0, {cell.run.name[:8]}"
    events = EventAccumulator(str(place)).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4]
    shown = events.Scalars("PQ")[-1]
    assert (shown.step, round(shown.value, 4)) == (4, round(metrics["PQ"], 4))


def test_what_is_shown_names_no_other_run(tmp_path):
    plain = smoke_plan(tmp_path, STUDIES["4c"], STUDIES["Ib"])
    for cell, shown in zip(plain.cells, with_tensorboard(plain, tmp_path).cells, strict=True):
        assert (shown.run.name, shown.training.name) == (cell.run.name, cell.training.name)
        assert watched(shown.training) == ["LocalVisBackend", "TensorboardVisBackend"]
        assert watched(cell.training) == ["LocalVisBackend"]


def test_a_backend_of_the_users_names_no_other_run_and_is_no_changed_setting(tmp_path):
    backends = [{"type": "WandbVisBackend", "init_kwargs": {"project": "m2f"}}]
    plain, own = (
        smoke_plan(tmp_path, STUDIES["4c"], **overrides).cells[0]
        for overrides in ({}, {"visualizer.vis_backends": backends})
    )
    assert own.run.config["visualizer"]["vis_backends"] == backends
    assert (own.run.name, own.run.overrides) == (plain.run.name, {})
    assert watched(with_tensorboard(Plan((own,)), tmp_path).cells[0].run) == [
        "WandbVisBackend",
        "TensorboardVisBackend",
    ]


def test_one_that_the_user_chose_is_not_doubled(tmp_path):
    backends = [{"type": "TensorboardVisBackend"}]
    own = smoke_plan(tmp_path, STUDIES["4c"], **{"visualizer.vis_backends": backends}).cells[0]
    assert watched(with_tensorboard(Plan((own,)), tmp_path).cells[0].run) == ["TensorboardVisBackend"]


def test_equal_rows_have_one_place(tmp_path):
    rows = (Variation("a/b", {}), Variation("c", {}))
    cells = with_tensorboard(smoke_plan(tmp_path, Study("own", "Own", "c", rows, ("panoptic",))), tmp_path).cells
    places = {cell.run.config["visualizer"]["vis_backends"][-1]["save_dir"] for cell in cells}
    assert places == {str(tmp_path / "own/a_b/smoke/panoptic" / f"seed 0, {cells[0].run.name[:8]}")}


def test_a_name_is_one_directory():
    assert file_name("../$x: - single scale (1/8)") == ".._" + "_x_ - single scale (1_8)"

import signal

import pytest

from ablations.planning.scales import CONFIGS


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["4x"], "Unknown table '4x'; known: 4a, 4b, 4c, "),
        (
            ["4c", "--scale", "minni"],
            "Unknown scale 'minni' (did you mean 'mini'?); known: smoke, mini, lite, paper, or ",
        ),
        (["4c", "--tasks", "panoptic,depth"], "Unknown task of these tables 'depth'; known: panoptic,"),
        (["4c", "--seeds", "0,x"], "--seeds must be whole numbers separated by commas, such as 0,1,2, not '0,x'."),
        (["4c", "--override", "seeds"], "The override 'seeds' is not KEY=VALUE"),
        (
            ["4c", "--override", "model.transformer_decoder.cros_attention.type=SMCA"],
            "'model.transformer_decoder' has no 'cros_attention' (did you mean 'cross_attention'?)",
        ),
    ],
)
def test_bad_words_are_answered_and_nothing_is_written(complain, tmp_path, arguments, sentence):
    store = tmp_path / "store"
    assert sentence in complain("run", *arguments, "--store", store, "--data", tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_missing_data_directory(complain, tmp_path):
    data = tmp_path / "nowhere"
    sentence = complain(
        "run", "4c", "--scale", "paper", "--tasks", "panoptic", "--data", data, "--store", tmp_path / "s"
    )
    assert str(data) in sentence
    assert "--data" in sentence


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_store_that_is_not_writable(complain, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    sentence = complain("run", "4c", "--scale", "mini", "--data", tmp_path / "data", "--store", tmp_path / place)
    assert f"The store {tmp_path / place} is not writable" in sentence
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "data").exists()


def test_a_dry_run_shows_the_runs_and_makes_nothing(call, tmp_path):
    arguments = ("--scale", "smoke", "--tasks", "panoptic", "--store", tmp_path / "s", "--data", tmp_path / "d")
    result = call("run", "4c", "--dry-run", *arguments)
    assert result.exit_code == 0, result.output
    assert "4 rows, 1 task, 1 seed: 4 cells -> 4 trainings (already done: 0)" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_a_model_that_cannot_be_built_is_answered_before_anything_starts(complain, tmp_path, dry):
    arguments = ("--scale", "smoke", "--tasks", "panoptic", "--store", tmp_path / "s", "--data", tmp_path / "d")
    sentence = complain("run", "4c", *dry, "--override", "model.criterion.num_points=0", *arguments)
    assert "PointCriterion: num_points must be a whole number, at least 1, not 0" in sentence
    assert not (tmp_path / "d").exists() and not list(tmp_path.glob("s/runs/*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_a_schedulers_warning_is_met_like_ctrl_c(number, call, tmp_path, monkeypatch):
    former = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)}
    monkeypatch.setattr("ablations.running.sweep.carry_out", lambda *_: signal.raise_signal(number))
    try:
        result = call("run", "4c", "--scale", "smoke", "--store", tmp_path / "s", "--data", tmp_path / "d")
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
    assert result.exit_code == 130
    assert result.stderr == "Stopped. What is done is kept: the same command goes on from here.\n"


@pytest.fixture
def carried_out(monkeypatch):
    """The plans and executors' options of sweeps that are not carried out."""
    given = []

    def take(plan, store, data, maker, console):
        given.append((plan, maker.args))
        return {}

    monkeypatch.setattr("ablations.running.sweep.carry_out", take)
    return given


def test_options_reach_the_plan_and_the_executor(call, carried_out, tmp_path):
    arguments = ("--scale", "smoke", "--tasks", "panoptic,Panoptic", "--seeds", "3, 1,3", "--jobs", 5, "--tensorboard")
    override = ("--override", "train_cfg.max_iters=7")
    result = call("run", "4c", "4C", *arguments, *override, "--store", tmp_path / "s", "--data", tmp_path / "d")
    assert result.exit_code == 0, result.output
    assert f"Curves: tensorboard --logdir {tmp_path / 's' / 'tensorboard'}" in result.output
    ((plan, (executor, options)),) = carried_out
    assert [(cell.run.seed, cell.run.task) for cell in plan.cells] == 4 * [(3, "panoptic")] + 4 * [(1, "panoptic")]
    config = plan.cells[0].run.config
    assert config["train_cfg"]["max_iters"] == 7
    assert config["visualizer"]["vis_backends"][-1]["type"] == "TensorboardVisBackend"
    assert (executor, options.jobs) == ("local", 5)


def test_tasks_are_those_that_the_scale_has(call, complain, carried_out, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "semantic.py").write_text(f"_base_ = {str(CONFIGS / 'smoke' / 'semantic.py')!r}\n")
    places = ("--store", tmp_path / "s", "--data", tmp_path / "d")
    assert call("run", "4c", "--scale", tmp_path / "mine", *places).exit_code == 0
    ((plan, _),) = carried_out
    assert {cell.run.task for cell in plan.cells} == {"semantic"}
    sentence = complain("run", "Ib", "--scale", tmp_path / "mine", *places)
    assert sentence == f"{tmp_path / 'mine'} has no config of panoptic, the tasks of these tables; add panoptic.py."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--max-seeds", 5], "--max-seeds says how many seeds --until may give"),
        (["--until", 0], "--until must be a number of points above zero, such as 1.0, not '0'."),
        (["--until", "nan"], "not 'nan'."),
        (["--until", 1, "--seeds", "0,1,2", "--max-seeds", 2], "--seeds has 3 seeds and --max-seeds is 2"),
        (["--until", 1, "--seeds", 2**32 - 3], "ask for less"),
    ],
)
def test_options_of_until_that_do_not_go_together(complain, tmp_path, arguments, sentence):
    assert sentence in complain("run", "4c", *arguments, "--store", tmp_path / "store", "--data", tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_until_is_announced_and_carried_out(call, carried_out, tmp_path):
    arguments = ("4c", "--scale", "smoke", "--tasks", "panoptic", "--until", 1.5, "--max-seeds", 3)
    places = ("--store", tmp_path / "s", "--data", tmp_path / "d")
    dry = call("run", *arguments, *places, "--dry-run")
    assert dry.output.endswith("Then seeds are added, up to 3 a row, until ±1.5 points are known.\n")
    result = call("run", *arguments, *places)
    # Nothing was trained, so a run of the first seed is not done: no seed is added.
    assert len(carried_out) == 1 and result.exit_code == 0, result.output
    assert "0 of 3 differences from a baseline are known to ±1.5 points." in result.output
    assert "still wider: 4c SMCA, panoptic: unknown points; a run of its last seed is not done" in result.output

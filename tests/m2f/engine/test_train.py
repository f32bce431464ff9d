"""Real trainings of the smallest scale, in processes of their own as runs are."""

import csv
import json
from pathlib import Path
from time import localtime

import pytest
import torch

from m2f.engine.train import DivergenceError, train
from m2f.errors import InputError


def final_weights(work_dir):
    checkpoint = torch.load(Path(work_dir, "iter_4.pth"), weights_only=False)
    return checkpoint["state_dict"]


def test_same_seed_gives_identical_metrics_and_weights(smoke, tmp_path):
    metrics = [train(smoke(), tmp_path / name) for name in ("one", "two")]
    assert metrics[0] == metrics[1]
    weights = [final_weights(tmp_path / name) for name in ("one", "two")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_another_seed_gives_other_weights(smoke, tmp_path):
    for seed in (0, 1):
        train(smoke(seed=seed), tmp_path / str(seed))
    weights = [final_weights(tmp_path / str(seed)) for seed in (0, 1)]
    assert not torch.equal(
        weights[0]["transformer_decoder.classifier.weight"], weights[1]["transformer_decoder.classifier.weight"]
    )


def test_two_runs_of_one_second_and_name_keep_their_own_logs(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr("time.localtime", lambda *_: localtime(0))
    places = [tmp_path / name / "run" for name in ("first", "second")]
    for place in places:
        train(smoke(**{"train_cfg.max_iters": 1}), place)
    for place in places:
        (log,) = place.glob("*/vis_data/scalars.json")
        assert [json.loads(line)["step"] for line in log.read_text().splitlines()][:1] == [1]


def test_a_killed_run_resumes_to_the_weights_of_an_unbroken_one(smoke, run_script, tmp_path):
    """The process is killed for good after iteration 3; the checkpoint of iteration 2 is the last."""
    unbroken = train(smoke(), tmp_path / "unbroken")
    killer = tmp_path / "killer.py"
    killer.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from mmengine import Config\n"
        "from m2f.engine import hooks, train\n"
        "class Killed(hooks.StopAtDivergence):\n"
        "    def after_train_iter(self, runner, *args, **kwargs):\n"
        "        if runner.iter == 2:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "hooks.HOOKS.register_module(module=Killed)\n"
        "config = Config.fromfile(sys.argv[1])\n"
        "config.custom_hooks = [dict(type='m2f.Killed')]\n"
        "train.train(config, Path(sys.argv[2]))\n"
    )
    config_file = tmp_path / "config.py"
    smoke().dump(config_file)
    broken = tmp_path / "broken"
    ended = run_script(killer, config_file, broken, directory=tmp_path)
    assert ended.returncode == -9, ended.stderr
    assert (broken / "last_checkpoint").read_text().endswith("iter_2.pth")
    assert train(smoke(), broken) == unbroken
    weights, expected = final_weights(broken), final_weights(tmp_path / "unbroken")
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert [entry["iteration"] for entry in json.loads((broken / "history.json").read_text())] == [2, 4]


def test_a_run_killed_in_its_last_evaluation_is_evaluated(smoke, tmp_path):
    metrics = train(smoke(), tmp_path)
    history = json.loads((tmp_path / "history.json").read_text())
    (tmp_path / "history.json").write_text(json.dumps(history[:-1]))
    assert train(smoke(), tmp_path) == metrics
    assert json.loads((tmp_path / "history.json").read_text()) == history


@pytest.mark.parametrize("task", ["instance", "semantic"])
def test_other_tasks_train_and_leave_their_files(task, smoke, tmp_path):
    metrics = train(smoke(task), tmp_path)
    assert {"instance": "AP", "semantic": "mIoU"}[task] in metrics
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert (progress["phase"], progress["iteration"], progress["iterations"]) == ("evaluate", 4, 4)
    seconds = json.loads((tmp_path / "timing.json").read_text())["seconds"]
    assert seconds["total"] == pytest.approx(seconds["data"] + seconds["train"] + seconds["evaluate"])
    drawn = {path.name.partition("_")[0] for path in (tmp_path / "samples").glob("*_prediction.png")}
    with (tmp_path / "per_image.csv").open(newline="") as file:
        images = [row["image"] for row in csv.DictReader(file)]
    assert {*images[:4]} <= drawn <= {*images} and 4 <= len(drawn) <= 6


def test_divergence_ends_the_run_with_its_reason(smoke, tmp_path):
    with pytest.raises(DivergenceError, match=r"the loss became (nan|inf) at iteration 2 of 4"):
        train(smoke(**{"optim_wrapper.optimizer.lr": 1e30}), tmp_path)
    assert not list(tmp_path.glob("*.pth"))


def test_class_counts_must_fit_the_data(smoke, tmp_path):
    with pytest.raises(InputError, match="6 thing and 4 stuff classes"):
        train(smoke(**{"model.num_things": 5}), tmp_path)

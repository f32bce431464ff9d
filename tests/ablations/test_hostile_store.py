"""What a store holds is data: whatever a stranger has written into its configs, no command runs any of it."""

import copy
import json
import os
import pickle
import re
import shlex
import shutil
import sys
import webbrowser

import pytest
import torch
from mmengine.registry import init_default_scope

from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, write_baseline_file
from ablations.planning.plan import Cell, Run, read_config_file
from ablations.planning.scales import CONFIGS
from ablations.store.record_writing import add_facts, write_done, write_running
from ablations.store.runs import create_run, open_store, write_sweep
from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.registry import MODELS

SCENES = {"root": "data/scenes/smoke", "image_size": 32, "splits": {"train2017": 1, "val2017": 2}, "seed": 0}
DATA = ("scenes", "val2017", "configs/smoke/panoptic.py", {}, "f" * 64)
ROWS = ("masked attention", "SMCA")  # of Table 4c
STRANGER = "stranger"  # a module in the current directory, which leaves a file behind when it is imported
RESIZE = {"type": "RandomResize", "scale": (32, 32), "ratio_range": (1.0, 1.0), "resize_type": f"{STRANGER}.Resize"}


class Call:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def touching(place):
    """A component that leaves a file behind when it is built."""
    return {"type": "subprocess.call", "args": ["touch", str(place / "executed")]}


def put(*keys):
    """A deed that puts what ``touching`` makes, or a value, at a place of the config."""
    *path, last = keys

    def deed(config, place, value=None):
        for key in path:
            config = config[key]
        config[last] = touching(place) if value is None else value

    return deed


def name(value, *keys):
    """A deed that writes a value at a place of the config."""
    return lambda config, place: put(*keys)(config, place, value)


MODEL_DEEDS = {
    "a model": put("model"),
    "a backbone": put("model", "backbone"),
    "a norm": name({"type": f"{STRANGER}.Norm"}, "model", "backbone", "norm_cfg"),
    "a module of a package": name({"type": "mmdet.os"}, "model"),
    "a module of Python": name({"type": "antigravity.Foo"}, "model", "backbone"),
    "a module alone": name({"type": STRANGER}, "model", "backbone"),
    "a scope of a component": name(STRANGER, "model", "_scope_"),
}
EVALUATION_DEEDS = {
    "hooks": lambda config, place: put("custom_hooks")(config, place, [touching(place)]),
    "a metric": lambda config, place: put("val_evaluator")(config, place, [touching(place)]),
    "a transform": lambda config, place: put("val_dataloader", "dataset", "pipeline")(config, place, [touching(place)]),
    "a scope": name(STRANGER, "default_scope"),
    "a transform of a transform": name([RESIZE], "val_dataloader", "dataset", "pipeline"),
    "a pickle": lambda config, place: put("val_dataloader", "dataset", "proposal_file")(
        config, place, str(place / "proposals.pkl")
    ),
}
TRAINING_DEEDS = {"an optimizer's constructor": name(f"{STRANGER}.Constructor", "optim_wrapper", "constructor")}
DEEDS = {**MODEL_DEEDS, **EVALUATION_DEEDS, **TRAINING_DEEDS}


@pytest.fixture(scope="module")
def config():
    return {**read_config_file(CONFIGS / "smoke" / "panoptic.py").config, "scenes": SCENES}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    spec = SceneSpec(**{key: value for key, value in SCENES.items() if key != "root"})
    ensure_scenes(spec, directory / "scenes" / "smoke")
    return directory


@pytest.fixture(scope="module")
def weights(config, tmp_path_factory):
    init_default_scope("m2f")
    path = tmp_path_factory.mktemp("weights") / "iter_4.pth"
    torch.save({"state_dict": MODELS.build(config["model"]).state_dict()}, path)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A current directory where Python looks for modules, with a stranger's among them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", lambda address: (tmp_path / "executed").touch())
    (tmp_path / f"{STRANGER}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\n")
    command = f"touch {shlex.quote(str(tmp_path / 'executed'))}"
    (tmp_path / "proposals.pkl").write_bytes(pickle.dumps(Call(command)))
    yield tmp_path
    for module in (STRANGER, "antigravity"):
        sys.modules.pop(module, None)


@pytest.fixture
def hostile_store(config, data, weights, place):
    """Make a store of finished runs, each with a deed in its config; they are rows of Table 4c, seed by seed."""

    def make(*deeds, scale="smoke", data_and_overrides=DATA):
        store, cells = open_store(place / "store"), []
        for number, deed in enumerate(deeds):
            planned = {**copy.deepcopy(config), "seed": number // len(ROWS)}
            deed(planned, place)
            run = Run(f"{number:064x}"[::-1], "panoptic", scale, planned["seed"], *data_and_overrides, planned)
            cells.append(Cell("4c", ROWS[number % len(ROWS)], "Mask2Former", "R50", run))
            finish(create_run(store, run, data), data, weights)
        write_sweep(store, cells)
        return store

    return make


def finish(directory, data, weights):
    """Leave in a run directory what a training leaves."""
    write_running(directory)
    add_facts(directory, environment={"threads": 1}, git={"commit": None, "dirty": None})
    images = json.loads((data / "scenes" / "smoke" / "annotations" / "panoptic_val2017.json").read_text())["images"]
    (directory / "per_image.csv").write_text("image,PQ\n" + "".join(f"{image['id']},40.0\n" for image in images))
    (directory / weights.name).symlink_to(weights)
    write_done(directory, {"PQ": 40.0})


@pytest.fixture
def call(call, place):
    """Give a command and see that it ran nothing of a stranger's and ended in a sentence; its output."""

    def give(*arguments):
        result = call(*arguments)
        assert not (place / "executed").exists(), arguments
        assert result.exception is None or isinstance(result.exception, SystemExit), arguments
        assert result.exit_code in (0, 1, 2) and "Traceback" not in result.output, result.output
        if result.exit_code == 2:
            assert result.stderr.splitlines()[-1].startswith("Error: "), result.stderr
        return result

    return give


def evaluated(call, store, data, weights, place):
    (run, *_) = (store / "runs").iterdir()
    out = place / "evaluation"
    return call("eval", run / "config.py", weights, "--data", data / "scenes" / "smoke", "--out", out)


def test_a_store_without_a_deed_is_of_use(hostile_store, call, data, weights, place):
    """What the other tests refuse would be carried out: it is the deed that keeps it back."""
    store = hostile_store(lambda config, place: None, lambda config, place: None)
    assert evaluated(call, store, data, weights, place).exit_code == 0
    assert call("compare", *ROWS, "--store", store, "--out", place / "page").exit_code == 0
    assert (place / "page" / "index.html").read_text().count("data:image/png") == 2 * (2 + 2 * len(ROWS))


@pytest.mark.parametrize("deed", DEEDS)
def test_what_reads_one_config(deed, hostile_store, call, data, weights, place):
    store = hostile_store(DEEDS[deed], DEEDS[deed])
    result = evaluated(call, store, data, weights, place)
    assert result.exit_code == 2 and "config.py: '" in result.output
    if deed in MODEL_DEEDS:
        (run, *_) = (store / "runs").iterdir()
        result = call("cost", "--model", run / "config.py")
        assert result.exit_code == 2 and "config.py: '" in result.output
    assert call("compare", *ROWS, "--store", store, "--out", place / "page").exit_code == 0
    assert re.search("The images are not drawn: .*config.py: &#39;", (place / "page" / "index.html").read_text())


def test_what_reads_a_whole_store(hostile_store, call, place):
    store = hostile_store(*DEEDS.values())
    other = place / "other"
    shutil.copytree(store, other)
    assert '"state": "done"' in call("status", "--store", store, "--json").output
    assert call("report", "4c", "--store", store, "--out", place / "report").exit_code == 0
    assert call("compare", *ROWS, "--store", store).exit_code == 0
    assert call("check", "--store", store, "--baseline", other).exit_code == 0
    assert call("diff", store, other).exit_code == 0


def test_a_repetition(hostile_store, call):
    store = hostile_store(TRAINING_DEEDS["an optimizer's constructor"])
    (run,) = (store / "runs").iterdir()
    result = call("rerun", run.name, "--store", store)
    assert result.exit_code == 2 and "'optim_wrapper.constructor' is 'stranger.Constructor'" in result.output


def commands(store, place):
    """Every command that reads a store, but for ``eval``."""
    (run, *_) = (store / "runs").iterdir()
    own = ("--store", store)
    yield "status", *own
    yield "report", "4c", *own, "--out", place / "report"
    yield "compare", *ROWS, *own
    yield "compare", *ROWS, *own, "--out", place / "page"
    yield "check", *own, "--baseline", store
    yield "diff", store, store
    yield "rerun", run.name, *own
    yield "cost", "--model", run / "config.py"


@pytest.mark.parametrize("record", ["with its record", "without its record"])
def test_code_in_a_config(record, hostile_store, call, data, weights, place):
    store = hostile_store(lambda config, place: None, lambda config, place: None)
    for run in (store / "runs").iterdir():
        with (run / "config.py").open("a") as file:
            file.write("\nimport os\nos.system('touch executed')\n")
        if record == "without its record":
            (run / "run.json").unlink()
    for command in commands(store, place):
        assert (call(*command).exit_code == 0) == (command[0] == "status"), command
    assert evaluated(call, store, data, weights, place).exit_code == 2


def test_a_scale_whose_config_a_store_names(hostile_store, call, place):
    """The file is there, as one that lies beside the store, and is said to be what the runs were made with."""
    (place / "theirs").mkdir()
    (place / "theirs" / "panoptic.py").write_text("open('executed', 'w')\n")
    named = ("scenes", "val2017", "theirs/panoptic.py", {"train_cfg.max_iters": 7}, "f" * 64)
    deed = name(7, "train_cfg", "max_iters")
    store = hostile_store(deed, deed, scale="theirs", data_and_overrides=named)
    numbers = {(TableRow("4c", "theirs", "panoptic", ROWS[0]), "PQ"): {0: 40.0}}
    write_baseline_file(place / "baseline.json", BaselineFile(Evidence(numbers)))
    read = [command for command in commands(store, place) if command[0] not in ("rerun", "cost", "compare")]
    read.append(("report", place / "baseline.json", "--out", place / "report of a baseline"))
    for command in (*read, ("pack", store, "--into", place / "packed"), ("merge", store, "--into", place / "joined")):
        assert call(*command).exit_code == 0, command
    assert call("compare", *ROWS, "--store", store, "--scale", "theirs").exit_code == 0


def test_a_module_that_a_config_names(hostile_store, call, data, weights, place):
    imports = name({"imports": [STRANGER], "allow_failed_imports": False}, "custom_imports")
    store = hostile_store(imports, imports)
    codes = {" ".join(map(str, command[:1])): call(*command).exit_code for command in commands(store, place)}
    assert codes == {"status": 0, "report": 0, "compare": 0, "check": 2, "diff": 2, "rerun": 2, "cost": 0}
    evaluated(call, store, data, weights, place)
    assert STRANGER not in sys.modules

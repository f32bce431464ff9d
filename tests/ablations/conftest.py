import io
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from ablations.cli import main
from ablations.planning.plan import Plan, make_plan
from ablations.planning.scales import chosen_scale
from ablations.running.executors import make_executor
from ablations.running.executors.local import THREAD_VARIABLES
from ablations.running.site_file import Local
from ablations.running.sweep import carry_out, summarise
from ablations.store.record_writing import write_done
from ablations.store.runs import create_run, open_store, write_sweep
from ablations.studies.study import Evaluation, Study, Times, Variation

TASKS = ("panoptic", "instance", "semantic")
CONFIG = """
default_scope = "m2f"
task = "{task}"
scale = "smoke"
dataset_name = "scenes"
split = "val2017"
seed = 0
scenes = dict(root="data/scenes/tiny", image_size=32, splits=dict(train2017=2, val2017=1), seed=0)
model = dict(
    transformer_decoder=dict(cross_attention=dict(type="MaskedAttention"), levels=[dict(stride=32), dict(stride=16)])
)
train_dataloader = dict(batch_size=2, dataset=dict(type="m2f.EndlessDraws", seed=0, data_root="data/scenes/tiny/"))
val_dataloader = dict(batch_size=1, dataset=dict(data_root="data/scenes/tiny/"))
train_cfg = dict(max_iters=10)
settings = dict(levels=dict(fine=[dict(stride=8)]))
"""


@pytest.fixture
def study():
    attention = "model.transformer_decoder.cross_attention.type"
    return Study(
        table="9z",
        title="Attention",
        baseline="masked",
        variations=(Variation("plain", {attention: "CrossAttention"}), Variation("masked", {})),
        tasks=TASKS,
    )


@pytest.fixture
def evaluated_study(study):
    """The study's baseline, whose numbers come from evaluating its training once more."""
    return Study("9e", "Mass", "masked", study.variations[1:], TASKS, Evaluation({"train_cfg.max_iters": Times(2)}))


@pytest.fixture
def configs(tmp_path):
    """A small tree of configs, quick to load, with generated scenes as data."""
    directory = tmp_path / "configs" / "smoke"
    directory.mkdir(parents=True)
    for task in TASKS:
        (directory / f"{task}.py").write_text(CONFIG.format(task=task))
    return directory.parent


@pytest.fixture
def plan(study, configs, tmp_path):
    """Plan the study on the small configs."""

    def make(tasks=("panoptic",), seeds=(0,), studies=(study,), **overrides):
        return make_plan(studies, chosen_scale("smoke", configs), tasks, seeds, overrides, tmp_path / "data").cells

    return make


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "store")


@pytest.fixture
def have_done(store, tmp_path):
    """Have the runs of cells done by a sweep; the store.

    ``leave`` leaves what a run has beside its metrics in its directory, of whatever cell, and gives the metrics.
    """

    def do(cells, leave):
        write_sweep(store, cells)
        for cell in cells:
            directory = create_run(store, cell.run, tmp_path / "data")
            write_done(directory, leave(directory, cell))
        return store

    return do


@pytest.fixture
def run_directories(plan, store, tmp_path):
    """Directories of planned runs of the study, one for each row and seed."""

    def make(**choices):
        return [create_run(store, cell.run, tmp_path / "data") for cell in plan(**choices)]

    return make


@pytest.fixture(scope="session")
def call():
    """Give a command; what came of it."""
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def complain(call):
    """Give a command that is bad input; its one sentence on stderr."""

    def give(*arguments):
        result = call(*arguments)
        assert result.exit_code == 2, result.output
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr.removeprefix("Error: ").rstrip("\n")

    return give


@pytest.fixture
def console():
    """A console without a terminal; ``console.file.getvalue()`` is what it has shown."""
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def fake_training(monkeypatch):
    """Let worker processes find the module ``fake_training``, and keep their share of threads out of this process."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")


@pytest.fixture
def sweep(store, tmp_path, console, fake_training):
    """Carry out a plan with functions of ``fake_training``, or others by their whole names; the exit code."""

    def run(cells, training="train", evaluation="evaluate", jobs=2):
        work = [name if ":" in name else f"fake_training:{name}" for name in (training, evaluation)]
        executor = partial(make_executor, "local", Local(jobs=jobs))
        plan = Plan(tuple(cells))
        states = carry_out(plan, store, tmp_path / "data", executor, console, *work)
        return summarise(plan, states, store, console)

    return run


@pytest.fixture
def timings(monkeypatch):
    """Row i predicts in i + 1 seconds and trains in twice that."""

    from m2f.timing.speed import Timing  # with torch

    def measured(models, size, training_size, tell):
        assert (size, training_size) == ((800, 1088), (1024, 1024))
        tell(0, len(models))
        seconds = range(1, len(models) + 1)
        return [(Timing(i, i, i + 0.5), Timing(2 * i, 2 * i, 2 * i)) for i in seconds]

    monkeypatch.setattr("m2f.timing.speed.measure_speed", measured)


@pytest.fixture
def start_python(tmp_path):
    """Start a Python process on some source, in a process group of its own; it is killed when the test ends."""
    processes = []

    def start(source, *arguments):
        script = tmp_path / f"script{len(processes)}.py"
        script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n" + textwrap.dedent(source))
        command = [sys.executable, str(script), *map(str, arguments)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=listen_to_ctrl_c,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def listen_to_ctrl_c():
    """Tests that a shell runs in the background inherit that it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

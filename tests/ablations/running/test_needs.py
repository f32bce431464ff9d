"""What runs need: a user's scale of a small model, trained in words alone."""

import json
import urllib.error
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from ablations.costs.demand import checkpoint_size, run_flops, step_memory
from ablations.costs.gpu_hours import GPUS, hours_on
from ablations.planning.plan import Plan, make_plan
from ablations.planning.scales import CONFIGS, chosen_scale
from ablations.running import needs
from ablations.running.estimate import show_plan
from ablations.running.needs import checkpoint_room, demanding, fetch_weights, need_lines, require_room
from ablations.store.runs import create_run
from ablations.studies import STUDIES
from m2f.engine import addresses
from m2f.errors import InputError

ADDRESS = "https://download.pytorch.org/models/resnet18-5c106cde.pth"
EXECUTOR = SimpleNamespace(slots=2, gpus=0, processes=1)
CONFIG = f"""
_base_ = [
    "{CONFIGS}/_base_/models/mask2former_mini.py",
    "{CONFIGS}/_base_/datasets/coco_panoptic.py",
    "{CONFIGS}/_base_/schedules/mini.py",
    "{CONFIGS}/_base_/runtime.py",
]
task = "panoptic"
dataset_name = "parts"
split = "val"
model = dict(
    task=task,
    num_things=80,
    num_stuff=53,
    backbone=dict(init_cfg=dict(type="Pretrained", checkpoint="{ADDRESS}")),
)
train_dataloader = dict(batch_size=1)
default_hooks = dict(checkpoint=dict(interval=100))
"""


@pytest.fixture
def large(tmp_path, monkeypatch):
    """The plan of two seeds of a design on images of a user's own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("ablations.planning.plan.remembering_fingerprints", lambda directory: lambda config: "data")
    addresses.unreachable.cache_clear()
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "panoptic.py").write_text(CONFIG)
    study = STUDIES["baseline"]
    return make_plan([study], chosen_scale(str(tmp_path / "parts")), ["panoptic"], [0, 1], {}, tmp_path / "data")


@pytest.fixture
def offline(monkeypatch):
    def refuse(address, timeout):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(addresses, "urlopen", refuse)


@pytest.fixture
def free(monkeypatch):
    """Have so many bytes free on every disk."""
    return lambda number: monkeypatch.setattr(needs.shutil, "disk_usage", lambda path: SimpleNamespace(free=number))


def runs_of(plan):
    return [planned.run for planned in plan.trainings.values()]


def test_scenes_need_nothing(plan, store, tmp_path):
    assert demanding(Plan(plan()), store) == []
    assert need_lines([], store, tmp_path, EXECUTOR) == []


def test_everything_is_told_in_a_few_lines(large, store, tmp_path, offline, free):
    free(int(1.5e8))
    config = runs_of(large)[0].config
    lines = need_lines(demanding(large, store), store, tmp_path / "data", EXECUTOR)
    place = tmp_path / "cache" / "hub" / "checkpoints" / "resnet18-5c106cde.pth"
    size = checkpoint_size(config)
    assert lines[0].startswith("Weights: MISSING. model.backbone.init_cfg.checkpoint names ")
    assert f"(Name or service not known); fetch it where that can be done and put it at {place}" in lines[0]
    assert lines[1] == (
        f"Disk: {6 * size / 1e9:.1f} GB for checkpoints of up to {size / 1e6:.0f} MB; 0.1 GB are free at {store}"
    )
    assert lines[2] == (
        "Shared memory: 0.1 GB of /dev/shm a run for the images that workers have ready; 0.1 GB are free here"
    )
    few, many, without = (step_memory(config, 1, *more) / 1e9 for more in ((11,), (100,), (11, False)))
    assert lines[3] == (
        f"GPU memory, panoptic: {few:.1f} to {many:.1f} GB (baseline, 1 images, float32), about {without - few:.1f} GB "
        "more without a kernel for deformable sampling"
    )
    hours = hours_on(GPUS["V100"], 2 * run_flops(config))[0]
    assert lines[4].startswith(f"GPU hours, panoptic, 2 runs, without evaluations: {hours:.1f} on V100, ")
    assert len(lines) == 5


def test_what_is_too_small_is_said(large, store, tmp_path, offline, free, monkeypatch):
    free(1000)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(total_memory=10**8))
    lines = need_lines(demanding(large, store), store, tmp_path / "data", EXECUTOR)
    assert [line.endswith(": TOO SMALL") for line in lines] == [False, True, True, True, False]
    assert "GPUs here have 0 GB" in lines[3]


def test_weights_are_fetched_once_before_anything_starts(large, store, tmp_path, console, monkeypatch):
    place = tmp_path / "cache" / "hub" / "checkpoints" / "resnet18-5c106cde.pth"
    asked = []

    def download(address, file, hash_prefix, progress):
        asked.append(address)
        torch.save({}, file)

    monkeypatch.setattr(addresses, "urlopen", lambda address, timeout: nullcontext())
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    before, after = f"{place} is not there yet and will be fetched; from {ADDRESS}", f"{place} is there; from {ADDRESS}"
    assert list(needs.weights_words(runs_of(large), tmp_path)) == [before]
    for _ in range(2):
        fetch_weights(runs_of(large), tmp_path, console)
    assert asked == [ADDRESS]
    assert console.file.getvalue() == f"Fetching {ADDRESS} to {place}\n"
    assert list(needs.weights_words(runs_of(large), tmp_path)) == [after]


def test_checkpoints_that_are_there_need_no_room(large, store, tmp_path):
    """Two of three checkpoints stay, and a third is there while it is written, of as many runs as go on at a time."""
    runs = runs_of(large)
    size = checkpoint_size(runs[0].config)
    assert checkpoint_room(runs, store, slots=1) == (2 + 2 + 1) * size
    assert checkpoint_room(runs, store, slots=4) == (2 + 2 + 2) * size
    directory = create_run(store, runs[0], tmp_path / "data")
    (directory / "iter_100.pth").write_bytes(bytes(size))
    assert checkpoint_room(runs, store, slots=1) == (1 + 2 + 1) * size
    (directory / "iter_200.pth").write_bytes(bytes(2 * size))
    assert checkpoint_room(runs, store, slots=1) == (0 + 2 + 1) * size


def test_a_disk_that_is_too_small_is_refused(large, store, free):
    runs = runs_of(large)
    needed = checkpoint_room(runs, store, slots=2)
    free(needed)
    require_room(runs, store, slots=2)
    free(needed - 1)
    with pytest.raises(InputError, match=r"^The checkpoints of 2 trainings will take .* GB, and .* GB free; make room"):
        require_room(runs, store, slots=2)


def test_a_design_that_needs_data_is_let_go(large, store, tmp_path, offline, free, monkeypatch):
    """A component of the user's own may do what tensors without data cannot."""

    def fail(config):
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")

    monkeypatch.setattr(needs, "checkpoint_size", fail)
    free(0)
    require_room(runs_of(large), store, slots=1)
    lines = need_lines(demanding(large, store), store, tmp_path / "data", EXECUTOR)
    assert [line.partition(":")[0] for line in lines] == [
        "Weights",
        "The rest cannot be counted without data, NotImplementedError",
    ]


def test_a_sweep_that_has_no_room_starts_nothing(large, sweep, store, free, monkeypatch):
    monkeypatch.setattr("ablations.running.sweep.prepare_data", lambda runs, directory, console: None)
    free(1000)
    with pytest.raises(InputError, match="make room"):
        sweep(large.cells)
    assert not (store / "runs").exists() or not list((store / "runs").iterdir())


@pytest.mark.parametrize(("device", "judged"), [("cpu", True), ("NVIDIA A100", False)])
def test_hours_by_the_stores_selftest(large, store, tmp_path, console, offline, device, judged):
    """At a millionth of a run's FLOPs in 7.2 seconds, two processes need a thousand hours."""
    flops = run_flops(runs_of(large)[0].config) / 1e6
    step = {"seconds": 7.2, "flops": flops}
    (store / "selftest.json").write_text(json.dumps({"device": device, "training_step": step}))
    show_plan(large, store, tmp_path / "data", SimpleNamespace(slots=2, gpus=0, processes=2), console)
    lines = console.file.getvalue().splitlines()
    assert [line.split()[3] for line in lines[1:3]] == ["1000.00" if judged else "unknown"] * 2
    assert ("hours of 2 by counted FLOPs and the store's self-test" in lines[-1]) is judged
    assert any(line.startswith("Disk: ") for line in lines[4:])

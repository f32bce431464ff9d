import json

import pytest

from ablations.planning.plan import config_of_scale
from ablations.planning.scales import chosen_scale
from ablations.selftest import examination, processes, training_step
from ablations.selftest.designs import tiny
from ablations.selftest.training_step import Extent
from ablations.store.selftest import FILE, read_selftest
from m2f.models.pixel_decoders import deformable_sampling


@pytest.fixture
def small(monkeypatch):
    """One design, one process, the paper's model on a small image, and FLOPs that need not be counted."""
    baseline = tiny(config_of_scale(chosen_scale("smoke"), "panoptic").config["model"])
    monkeypatch.setattr(examination, "trained_designs", lambda: {"baseline": baseline})
    monkeypatch.setattr(processes, "ON_CPU", 1)
    monkeypatch.setitem(training_step.EXTENTS, "cpu", Extent(1, 64, 0, 1))
    monkeypatch.setattr(training_step, "training_flops", lambda *arguments: 3e9)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # which the command sets, and is to be as it was afterwards


def test_a_right_machine_and_a_wrong_one(small, call, tmp_path, monkeypatch):
    file = tmp_path / FILE
    result = call("selftest", "--device", "cpu", "--json", file)
    assert result.exit_code == 0, result.output
    assert "All is right." in result.stdout
    assert "At this speed, hours" not in result.stdout  # a step in small tells none
    assert "takes 1.1 GB of disk for its checkpoints, and 1.9 GB of /dev/shm" in result.stdout

    content = json.loads(file.read_text())
    assert content["hours"] == {}
    assert content["room"]["checkpoints"] == pytest.approx(2 * 528e6, rel=0.01)
    assert content["right"] and all(finding["right"] for finding in content["findings"])
    checks = {finding["check"] for finding in content["findings"]}
    assert checks == {examination.DESIGNS, examination.PRECISION, examination.KERNELS, examination.PROCESSES}
    assert any(finding["difference"] > 0 for finding in content["findings"])  # something else was computed
    assert content["training_step"]["flops"] == 6e9
    assert content["training_step"]["memory"] > 1e8
    read = read_selftest(tmp_path)
    assert (read.device, read.on_gpu) == ("cpu", False)
    assert read.speed == pytest.approx(6e9 / content["training_step"]["seconds"])

    sampling = deformable_sampling.sampling
    monkeypatch.setattr(deformable_sampling, "sampling", lambda *arguments: 1.1 * sampling(*arguments))
    monkeypatch.setattr(examination, "measure_step", lambda device: 1 / 0)
    result = call("selftest", "--device", "cpu", "--json", file)
    assert result.exit_code == 1
    assert "WRONG: designs beside the CPU, baseline: gradients differs by" in result.stdout
    assert "WRONG: training step, baseline: raised ZeroDivisionError: division by zero" in result.stdout
    assert "NOT compute m2f rightly" in result.stdout
    content = json.loads(file.read_text())
    assert not content["right"]
    assert content["training_step"] is None
    wrong = {finding["check"] for finding in content["findings"] if not finding["right"]}
    assert wrong == {examination.DESIGNS, examination.STEP}


def test_bad_input(complain, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert complain("selftest", "--device", "cuda").startswith("PyTorch sees no GPU here")
    assert "nowhere" in complain("selftest", "--json", tmp_path / "nowhere" / "file.json")

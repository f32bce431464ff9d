import subprocess
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from m2f.errors import InputError
from m2f.timing import peak_memory as module
from m2f.timing.peak_memory import Request, measure_here, peak_memory, peak_on_cpu

TINY = Path(__file__).parents[1] / "peers" / "tiny_config.py"
MEGABYTE = 2**20


def test_the_peak_is_of_the_work_alone():
    torch.ones(200 * MEGABYTE // 4)  # a peak before, which does not count
    there = torch.ones(50 * MEGABYTE // 4)
    held = []

    def work():
        torch.ones(100 * MEGABYTE // 4)  # gone when it ends
        held.append(torch.ones(10 * MEGABYTE // 4))

    measured = peak_on_cpu(work)
    assert 95 * MEGABYTE < measured.work < 120 * MEGABYTE
    assert measured.total > measured.work + there.nbytes


def test_a_peer_is_measured_in_its_own_process():
    """A training step of one layer's worth of activations: some megabytes, and far less than the whole process."""
    config = Config.fromfile(TINY).model.to_dict()
    measured = peak_memory(Request(config, "mmdet", "float32", "train", 256, 1))
    assert MEGABYTE < measured.work < 300 * MEGABYTE
    assert measured.total > 300 * MEGABYTE


def test_ours_is_measured_with_every_precision(monkeypatch):
    monkeypatch.setattr(module, "main_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # as PyTorch begins
    config = Config.fromfile(TINY).model.to_dict()
    for precision in ("float32", "bfloat16"):
        assert measure_here(Request(config, "m2f", precision, "train", 256, 1)).work > MEGABYTE
    assert not torch.backends.cudnn.allow_tf32


def test_a_process_that_dies_is_told(monkeypatch):
    def run(*arguments, **options):
        return subprocess.CompletedProcess(arguments, -9, stdout="", stderr="")

    monkeypatch.setattr(module.subprocess, "run", run)
    with pytest.raises(InputError, match=r"memory of mmdet's train at 1024 with batch 2.*exit code -9: no message"):
        peak_memory(Request({}, "mmdet", "float32", "train", 1024, 2))

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine import Config

from m2f.engine import shared_memory
from m2f.engine.shared_memory import check_shared_memory, loader_bytes, sample_bytes
from m2f.engine.train import train
from m2f.errors import InputError

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def paper():
    return Config.fromfile(CONFIGS / "paper" / "panoptic.py")


@pytest.fixture
def free(monkeypatch, tmp_path):
    """Have so many bytes of shared memory free."""
    monkeypatch.setattr(shared_memory, "PLACE", tmp_path)

    def have(number):
        monkeypatch.setattr(shared_memory.shutil, "disk_usage", lambda path: SimpleNamespace(free=number))

    return have


def test_bytes_of_a_sample_and_of_all_that_workers_have_ready(paper):
    """The image's three channels and eleven masks, a byte each; four workers, two batches of 16 each."""
    assert sample_bytes(paper) == 1024 * 1024 * 14
    assert loader_bytes(paper) == 4 * 2 * 16 * 1024 * 1024 * 14
    paper.train_dataloader.prefetch_factor = 3
    assert loader_bytes(paper) == 4 * 3 * 16 * 1024 * 1024 * 14
    paper.train_dataloader.num_workers = 0
    assert loader_bytes(paper) == 0


def test_the_64_megabytes_of_docker_are_refused(paper, free):
    free(64 * 2**20)
    with pytest.raises(InputError, match=r"has 0\.07 GB free, .* take 1\.88 GB; enlarge it \(Docker: --shm-size"):
        check_shared_memory(paper)
    free(2 * 10**9)
    check_shared_memory(paper)
    with pytest.raises(InputError, match=r"has 2\.00 GB free, .* take 3\.76 GB"):
        check_shared_memory(paper, processes=2)


def test_a_training_ends_before_it_begins(smoke, tmp_path, free):
    config = smoke()
    config.train_dataloader.update(num_workers=1, persistent_workers=True)
    free(1)
    with pytest.raises(InputError, match="the images that workers have ready"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "progress.json").exists()

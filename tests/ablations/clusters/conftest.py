"""A Slurm cluster of one node and a Ray cluster of two, both of this machine alone; `make test-clusters` runs these."""

import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import pytest

from ablations.running.executors import make_executor
from ablations.running.sweep import carry_out, summarise

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "slurm_loopback.sh"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.clusters)


@pytest.fixture(scope="session")
def slurm():
    """A Slurm cluster of this machine; the environment names it."""
    if not shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("Slurm is not installed; `make test-clusters` installs it")
    directory = Path(tempfile.mkdtemp(prefix="m2f-slurm-"))  # a short path, as sockets want
    subprocess.run([SCRIPT, "start", directory], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(directory / "slurm.conf"))
        yield directory
        subprocess.run([SCRIPT, "stop", directory], check=True)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def sweep(store, tmp_path, console, fake_training):
    """Carry out a plan with a function of ``fake_training``; the exit code."""

    def run(cells, name, options, training="train"):
        executor = partial(make_executor, name, options)
        states = carry_out(cells, store, tmp_path / "data", executor, console, f"fake_training:{training}")
        return summarise(cells, states, store, console)

    return run

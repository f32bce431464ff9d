"""Without a cluster; with a real one: ``tests/ablations/clusters``."""

import sys
from types import SimpleNamespace

import pytest

from ablations.running.executors.ray import RayExecutor
from ablations.running.site_file import Ray
from m2f.errors import InputError


def test_what_a_run_asks_for():
    executor = RayExecutor(Ray(gpus_per_run=2), 3)
    assert (executor.slots, executor.gpus, executor.processes, executor.cores) == (3, 2, 2, 8)
    executor = RayExecutor(Ray(gpus_per_run=0, processes_per_run=2, cpus_per_run=1, jobs=2), 3)
    assert (executor.slots, executor.gpus, executor.processes, executor.cores) == (2, 0, 2, 1)


def test_no_ray_is_bad_input(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"ray is not installed; .*m2f\[ray\]"):
        RayExecutor(Ray(), 1).warm_up("fake:train")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "somewhere.invalid:port"])
def test_no_cluster_is_bad_input(monkeypatch, address):
    """Before Ray itself tries, which it would for long."""
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    with pytest.raises(InputError, match=f"There is no Ray cluster at '{address}'"):
        RayExecutor(Ray(address), 1).warm_up("fake:train")

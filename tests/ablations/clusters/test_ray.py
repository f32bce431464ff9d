import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from ablations.running.site_file import Ray
from ablations.running.status import run_states
from ablations.store.run_record import RunRecord
from ablations.store.runs import run_directory
from m2f.errors import InputError

ray = pytest.importorskip("ray", reason="Ray is not installed; `make test-clusters` installs it")


@pytest.fixture(scope="module")
def cluster():
    """Nodes of one core each; two unless a test changes that."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def site(cluster):
    return Ray(cluster.address, gpus_per_run=0, cpus_per_run=1)


def directories(cells, store):
    return [run_directory(store, cell.run.name) for cell in cells]


def calls(directory):
    return (directory / "calls.txt").read_text().splitlines()


def wait_until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited for two minutes")


def test_failed_and_killed_runs_have_their_reasons(sweep, plan, store, site):
    cells = plan(seeds=[1])
    assert sweep(cells, "ray", site, "fail_with_seed_1") == 1
    for directory in directories(cells, store):
        assert RunRecord(directory).state.reason == "RuntimeError: the loss became nan"
    assert sweep(cells[:1], "ray", site, "be_killed") == 1
    state = RunRecord(directories(cells, store)[0]).state
    assert (state.name, state.kind) == ("failed", "killed")
    assert state.reason.startswith("Ray lost its worker (")


def test_interruption_stops_the_runs_and_a_second_sweep_goes_on(sweep, plan, store, site):
    cells = plan()
    first, second = directories(cells, store)

    def interrupt():
        wait_until(lambda: RunRecord(first).state.name == "running")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        sweep(cells, "ray", site, "wait_for_release")
    wait_until(lambda: {RunRecord(first).state.name, RunRecord(second).state.name} <= {"interrupted", "planned"})
    (store / "runs" / "release").touch()
    assert sweep(cells, "ray", site, "wait_for_release") == 0


def test_two_processes_share_a_run(sweep, plan, store, site):
    cells = plan()[:1]
    assert sweep(cells, "ray", replace(site, processes_per_run=2), "join") == 0
    assert RunRecord(directories(cells, store)[0]).metrics == {"PQ": 3.0}


def test_more_than_any_node_has_is_bad_input(sweep, plan, site):
    with pytest.raises(InputError, match="No node of the Ray cluster has 1 cores and 2 GPUs"):
        sweep(plan(), "ray", replace(site, gpus_per_run=2))


def test_a_node_is_lost_and_its_run_goes_on_on_the_other(sweep, plan, store, cluster, site):
    cells = plan(seeds=[0, 1])
    four = directories(cells, store)
    began = {}

    def lose_a_node():
        wait_until(lambda: sum(RunRecord(directory).state.name == "running" for directory in four) == 2)
        began.update({directory: RunRecord(directory).state.pid for directory in four})
        (lost,) = cluster.worker_nodes
        cluster.remove_node(lost, allow_graceful=False)
        (store / "runs" / "release").touch()

    thread = threading.Thread(target=lose_a_node)
    thread.start()
    assert sweep(cells, "ray", site, "wait_for_release") == 0
    thread.join()
    assert [run["state"] for run in run_states(store)] == ["done"] * 4
    assert [RunRecord(directory).metrics["PQ"] for directory in four] == [40.0, 40.0, 41.0, 41.0]
    assert [len(calls(directory)) for directory in four] == [1] * 4
    again = [directory for directory in four if began[directory] not in (None, RunRecord(directory).state.pid)]
    assert len(again) == 1, "the run of the lost node was begun twice"
    assert (again[0] / "claim.2").exists()

"""What the orchestrator itself costs: a plan of many runs whose training does nothing.

    python scripts/benchmark_orchestrator.py --runs 10000

Plans the runs, has two orchestrators share them in a temporary store, counts how often each run was done, and times
`m2f status`. The time of a whole sweep divided by its runs is what the orchestrator adds to a run.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from ablations.planning.plan import Plan, make_plan
from ablations.planning.scales import chosen_scale
from ablations.running.executors import make_executor
from ablations.running.site_file import Local
from ablations.running.sweep import carry_out
from ablations.store.runs import open_store
from ablations.studies import STUDIES

TABLE = "4c"
CALLS = "calls.txt"


def train(config: Any, work_dir: Path, *, resume: bool = True) -> dict[str, float]:
    """Do nothing but say so, in one write that those of other processes do not mix with."""
    descriptor = os.open(work_dir.parent.parent / CALLS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{work_dir.name}\n".encode())
    os.close(descriptor)
    return {"PQ": 50.0}


def plan(runs: int, data: Path) -> Plan:
    """The rows of a table with so many seeds that they are at least ``runs`` runs."""
    seeds = range(-(-runs // len(STUDIES[TABLE].variations)))
    return Plan(make_plan([STUDIES[TABLE]], chosen_scale("mini"), ["panoptic"], seeds, {}, data).cells[:runs])


def sweep(runs: int, directory: Path, jobs: int) -> None:
    """Be one of the orchestrators, of ``jobs`` runs at a time."""
    chosen = plan(runs, directory / "data")
    with (directory / f"sweep-{os.getpid()}.txt").open("w") as out:
        executor = partial(make_executor, "local", Local(jobs=jobs))
        work = f"{Path(__file__).stem}:train"
        carry_out(chosen, open_store(directory / "store"), directory / "data", executor, Console(file=out), work)


def measure(runs: int, jobs: int, orchestrators: int) -> None:
    """Print what planning, sweeping and `m2f status` take."""
    with TemporaryDirectory(prefix="m2f-benchmark-") as name:
        directory = Path(name)
        plan(1, directory)  # imports the components that rows name
        print(f"planning {runs} runs: {timed(lambda: plan(runs, directory)):.2f} s")
        seconds = timed(lambda: run_orchestrators(runs, directory, jobs, orchestrators))
        calls = Counter((directory / "store" / CALLS).read_text().split())
        once = sum(count == 1 for count in calls.values())
        print(f"{orchestrators} orchestrators, {jobs} runs at a time each: {once} runs done once, ", end="")
        print(f"{len(calls) - once} more than once, {runs - len(calls)} never")
        print(f"in {seconds:.1f} s with start-up, {1000 * seconds / runs:.1f} ms a run")
        print(f"m2f status: {timed(lambda: status(directory / 'store')):.2f} s as a table, ", end="")
        print(f"{timed(lambda: status(directory / 'store', '--json')):.2f} s as JSON")


def timed(work: Any) -> float:
    """Its seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run_orchestrators(runs: int, directory: Path, jobs: int, orchestrators: int) -> None:
    """Start the orchestrators together and wait for all."""
    command = [sys.executable, __file__, "--runs", str(runs), "--jobs", str(jobs), "--sweep", str(directory)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    processes = [subprocess.Popen(command, env=environment) for _ in range(orchestrators)]
    if sum(process.wait() != 0 for process in processes):
        sys.exit("an orchestrator failed")


def status(store: Path, *options: str) -> None:
    """Run the command."""
    command = [str(Path(sys.executable).with_name("m2f")), "status", "--store", str(store), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time of each orchestrator")
    parser.add_argument("--orchestrators", type=int, default=2)
    parser.add_argument("--sweep", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sweep:
        sweep(arguments.runs, arguments.sweep, arguments.jobs)
    else:
        measure(arguments.runs, arguments.jobs, arguments.orchestrators)

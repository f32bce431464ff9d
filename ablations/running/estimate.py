"""How long runs will take, judged by the runs of the store that are done, and the plan as it is printed beforehand."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from ablations.costs.demand import counted, run_flops
from ablations.planning.plan import Cell, Plan, Run
from ablations.running.executors import Executor
from ablations.running.needs import demanding, need_lines
from ablations.store.run_record import RunRecord
from ablations.store.runs import read_cells, run_directory
from ablations.store.selftest import read_selftest
from ablations.terminal import Column, folded, table
from m2f.errors import InputError

COLUMNS = (
    Column("run"),
    Column("state"),
    Column("GPUs", right=True),
    Column("hours", right=True),
    Column("for", least=20),
)
LENGTH = "train_cfg.max_iters"  # an override that changes how long a run is and not how fast

HoursOf = Callable[[Cell, Run], float | None]


def estimator(store: Path, executor: Executor) -> HoursOf:
    """A function that gives the hours of a run and the cell that it is for; None if nothing like it was measured.

    Measured are the seconds an iteration, evaluations included, of done runs of the same config file with the same
    overrides, as many processes, and a GPU or none: the median over runs of the same row, or if there are none, over
    those of all rows.
    """
    seconds: dict[Any, list[float]] = defaultdict(list)
    for name, row in _rows(store).items():
        record = RunRecord(run_directory(store, name))
        with suppress(InputError):  # a damaged run tells nothing
            if record.state.name == "done" and (spent := record.seconds.get("total")):
                identity = record.identity
                like = _likeness(identity, identity.get("processes", 1), bool(record.environment.get("gpus")))
                pace = spent / (1 if record.source else record.progress.get("iterations", 1))
                for key in (like, (like, row)):
                    seconds[key].append(pace)

    def hours(cell: Cell, run: Run) -> float | None:
        identity = {"config": run.config_file, "overrides": run.overrides, "source": run.source}
        like = _likeness(identity, executor.processes, executor.gpus > 0)
        paces = seconds.get((like, (cell.table, cell.variant))) or seconds.get(like)
        return median(paces) * (1 if run.source else run.config["train_cfg"]["max_iters"]) / 3600 if paces else None

    return hours


def from_selftest(store: Path, executor: Executor) -> Callable[[Run], float | None]:
    """A function that gives the hours of a training by its counted FLOPs and the speed of the store's self-test.

    None where there is no self-test of a GPU for runs on GPUs, or of a CPU for others; where nothing can be counted;
    and for evaluations and for trainings on generated scenes, which are soon measured.
    """
    test = read_selftest(store)
    fits = test is not None and test.on_gpu == (executor.gpus > 0)

    def hours(run: Run) -> float | None:
        if test is None or not fits or run.source or "scenes" in run.config or not counted(run.config):
            return None
        return run_flops(run.config) / test.speed / executor.processes / 3600

    return hours


def _rows(store: Path) -> dict[str, tuple[str, str]]:
    """Table and row of each of the store's runs."""
    cells = read_cells(store) if (store / "sweeps").is_dir() else []
    return {name: (cell["table"], cell["variant"]) for cell in cells for name in (cell["run"], cell.get("source", ""))}


def _likeness(identity: dict[str, Any], processes: int, on_gpu: bool) -> tuple[Any, ...]:
    """What runs must have in common for one to tell how fast the other is."""
    overrides = {key: value for key, value in identity["overrides"].items() if key != LENGTH}
    named = json.dumps(overrides, sort_keys=True)
    return identity["config"], named, identity.get("source") is not None, processes, on_gpu


def show_plan(plan: Plan, store: Path, data_directory: Path, executor: Executor, console: Console) -> None:
    """Print the runs that are left to do, with GPUs and hours, in the order of their start; and what they need."""
    measured, judged = estimator(store, executor), from_selftest(store, executor)
    lines, estimates, by_test = [], [], 0
    for name, planned in plan.runs.items():
        state = RunRecord(run_directory(store, name)).state.name
        if state != "done":
            hours = measured(planned.cells[0], planned.run)
            if hours is None and (hours := judged(planned.run)) is not None:
                by_test += 1
            estimates.append(hours)
            lines.append((name, state, str(executor.gpus), _words(hours), planned.label))
    if estimates:
        console.out("\n".join(table(COLUMNS, lines, console.width)), highlight=False)
    with console.status("Counting what the runs need") if console.is_terminal else nullcontext():
        needs = need_lines(demanding(plan, store), store, data_directory, executor)
    for line in [*needs, _sum_words(estimates, by_test, executor)]:
        console.out("\n".join(folded(line, console.width)), highlight=False)


def _words(hours: float | None) -> str:
    return "unknown" if hours is None else f"{hours:.2f}"


def _sum_words(estimates: Sequence[float | None], by_test: int, executor: Executor) -> str:
    """How much there is to do, all in all, ``by_test`` of it judged by the self-test."""
    known = [hours for hours in estimates if hours is not None]
    runs = f"{len(estimates)} run{'' if len(estimates) == 1 else 's'} to do, {executor.slots} at a time"
    if not estimates:
        return "Nothing to do."
    words = [f"{runs}, {executor.gpus} GPU{'' if executor.gpus == 1 else 's'} each"]
    if known:
        work, slots = sum(known), min(executor.slots, len(known))
        words.append(f"about {work:.2f} hours of runs, {max(work / slots, max(known)):.2f} from start to end")
    if by_test:
        words.append(f"hours of {by_test} by counted FLOPs and the store's self-test, without evaluations")
    if len(known) < len(estimates):
        words.append(f"{len(estimates) - len(known)} unknown: no run like them is done in this store")
    return "; ".join(words) + ". Nothing was started."

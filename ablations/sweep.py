"""Carrying out a plan: data first, then the runs that are not done, then what became of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ablations.environment import available_cores
from ablations.executors.local import run_local, visible_gpus, warm_up
from ablations.plan import Cell, Run, unique_runs
from ablations.progress import Display
from ablations.store import State, create_run, read_state, run_directory, write_sweep
from ablations.worker import TRAINING
from m2f.errors import InputError


def carry_out(
    cells: Sequence[Cell],
    store: Path,
    data_directory: Path,
    jobs: int | None,
    console: Console,
    training: str = TRAINING,
) -> dict[str, State]:
    """Do what is not done of a plan.

    Args:
        cells: the plan.
        store: an open store.
        data_directory: takes the place of ``data`` in the configs' paths.
        jobs: runs at a time; by default one a GPU, or two where there are two cores and no GPU.
        console: where to show progress.
        training: what a worker does, as ``ablations.worker.execute`` takes it.

    Returns:
        The states of the plan's runs by name.

    Raises:
        InputError: the data are not there, or a run's directory holds something else. Nothing has been started.
    """
    by_run = unique_runs(cells)
    pending = [cells[0].run for name, cells in by_run.items() if read_state(run_directory(store, name)).name != "done"]
    console.print(plan_words(cells, len(by_run), len(by_run) - len(pending)), highlight=False, soft_wrap=True)
    if pending:
        jobs = jobs or default_jobs(len(pending))
        warm_up(jobs, training)
        prepare_data(pending, data_directory, console)
        directories = {run.name: create_run(store, run, data_directory) for run in pending}
        write_sweep(store, cells)
        with Display({_label(by_run[name]): path for name, path in directories.items()}, console) as display:
            run_local(directories.values(), jobs, display.update, training)
    else:
        write_sweep(store, cells)
    return {name: read_state(run_directory(store, name)) for name in by_run}


def plan_words(cells: Sequence[Cell], runs: int, done: int) -> str:
    """How many rows became how many runs."""
    rows = len({(cell.table, cell.variant) for cell in cells})
    tasks = len({cell.run.task for cell in cells})
    seeds = len({cell.run.seed for cell in cells})
    return f"{rows} rows x {tasks} tasks x {seeds} seeds = {len(cells)} cells -> {runs} runs (already done: {done})"


def default_jobs(runs: int) -> int:
    """One a GPU; without one, two at a time where it can help."""
    return min(runs, len(visible_gpus()) or min(2, available_cores()))


def prepare_data(runs: Sequence[Run], data_directory: Path, console: Console) -> None:
    """See that the data of the runs are there, generating scenes where they are not."""
    from mmengine import Config

    from m2f.data.paths import resolve_data_paths
    from m2f.data.prepare import prepare

    one_run_each = {(run.task, run.data_fingerprint): run for run in runs}
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        for run in one_run_each.values():
            config = resolve_data_paths(Config(run.config), data_directory)
            prepare(config, _bar(progress, f"Data for {run.task}"))


def _bar(progress: Progress, description: str) -> Callable[[int, int], None]:
    task = progress.add_task(description, total=None)
    return lambda done, total: progress.update(task, completed=done, total=total)


def _label(cells: Sequence[Cell]) -> str:
    more = f" (and {len(cells) - 1} more)" if len(cells) > 1 else ""
    return cells[0].label + more


def summarise(cells: Sequence[Cell], states: dict[str, State], store: Path, console: Console) -> int:
    """Say what became of the runs and what to do next.

    Returns:
        The exit code: 0 when all runs are done, 1 when one failed.

    Raises:
        InputError: a run failed for bad input; its sentence.
    """
    by_run = unique_runs(cells)
    failed = {name: state for name, state in states.items() if state.name != "done"}
    console.print(f"{len(states) - len(failed)} of {len(states)} runs done; store: {store}", highlight=False)
    for name, state in failed.items():
        line = f"failed: {_label(by_run[name])}: {state.reason} [log: {run_directory(store, name) / 'log.txt'}]"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    tables = " ".join(dict.fromkeys(cell.table for cell in cells))
    console.print(f"Next: m2f report {tables} --store {store} --out report", highlight=False, soft_wrap=True)
    for state in failed.values():
        if state.kind == "input":
            raise InputError(state.reason or "")
    return 1 if failed else 0

"""Carrying out a plan: data, the trainings that are not done, the evaluations of trainings, what became of them."""

import errno
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ablations.planning.plan import Cell, Run, evaluations, trainings
from ablations.running.estimate import show_plan
from ablations.running.executors import Executor
from ablations.running.executors.drive import drive
from ablations.running.progress import Display
from ablations.running.worker import EVALUATION, TRAINING
from ablations.store.runs import State, create_run, read_state, require_own, run_directory, write_failed, write_sweep
from m2f.errors import InputError

MakeExecutor = Callable[[int], Executor]


def carry_out(
    cells: Sequence[Cell],
    store: Path,
    data_directory: Path,
    executor: MakeExecutor,
    console: Console,
    training: str = TRAINING,
    evaluation: str = EVALUATION,
) -> dict[str, State]:
    """Do what is not done of a plan: first the trainings, then the evaluations of those that are done.

    Args:
        cells: the plan.
        store: an open store.
        data_directory: takes the place of ``data`` in the configs' paths.
        executor: makes what carries the runs out; it gets their number.
        console: where to show progress.
        training: what a worker does with a training, as ``ablations.running.worker.execute`` takes it.
        evaluation: what it does with an evaluation.

    Returns:
        The states of the plan's runs by name.

    Raises:
        InputError: the data are not there, or a run's directory holds something else, and nothing has been started; or
            the store can no longer be written.
    """
    runs = all_runs(cells)
    states = {name: read_state(run_directory(store, name)) for name in runs}
    pending = {name: run for name, run in runs.items() if states[name].name != "done"}
    console.print(plan_words(cells, len(runs) - len(pending)), highlight=False, soft_wrap=True)
    with _writing(store):
        if pending:
            phases = [_of_pending(trainings(cells), pending), _of_pending(evaluations(cells), pending)]
            chosen = executor(max(map(len, phases)))
            chosen.warm_up(training)
            prepare_data(list(pending.values()), data_directory, console)
            for run in pending.values():
                require_own(store, run)
            write_sweep(store, cells)
            before = {run_directory(store, name): states[name] for name in pending}

            def create(directory: Path) -> None:
                create_run(store, pending[directory.name], data_directory)

            to_train, to_evaluate = phases
            _carry_out_phase(to_train, chosen, before, create, console, training)
            to_evaluate = _with_source(to_evaluate, create, store)
            _carry_out_phase(to_evaluate, chosen, before, create, console, evaluation)
        else:
            write_sweep(store, cells)
    return {name: states[name] if name not in pending else read_state(run_directory(store, name)) for name in runs}


def announce(cells: Sequence[Cell], store: Path, executor: MakeExecutor, console: Console) -> None:
    """Print what :func:`carry_out` would do; nothing is started or written."""
    by_phase = [trainings(cells), evaluations(cells)]
    states = {name: read_state(run_directory(store, name)).name for name in all_runs(cells)}
    left = [[name for name in phase if states[name] != "done"] for phase in by_phase]
    console.print(plan_words(cells, list(states.values()).count("done")), highlight=False, soft_wrap=True)
    show_plan(cells, store, executor(max(map(len, left))), console)


@contextmanager
def _writing(store: Path) -> Iterator[None]:
    """A store that cannot be written any more is for the user to mend."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        raise InputError(
            f"The store {store} can no longer be written ({error.strerror}); mend that and give the same command "
            "again, which goes on from here."
        ) from error


def _of_pending(by_run: Mapping[str, Sequence[Cell]], pending: Collection[str]) -> dict[str, Sequence[Cell]]:
    return {name: cells for name, cells in by_run.items() if name in pending}


def all_runs(cells: Iterable[Cell]) -> dict[str, Run]:
    """The trainings and evaluations that cells need, by name."""
    return {run.name: run for cell in cells for run in (cell.training, cell.run)}


def _carry_out_phase(
    by_run: Mapping[str, Sequence[Cell]],
    executor: Executor,
    before: Mapping[Path, State],
    create: Callable[[Path], None],
    console: Console,
    work: str,
) -> None:
    by_name = {directory.name: directory for directory in before}
    directories = {_label(cells): by_name[name] for name, cells in by_run.items()}
    if directories:
        with Display(directories, before, console) as display:
            of_phase = {directory: before[directory] for directory in directories.values()}
            drive(executor, of_phase, work, display.update, create)


def _with_source(
    by_run: Mapping[str, Sequence[Cell]], create: Callable[[Path], None], store: Path
) -> dict[str, Sequence[Cell]]:
    """The evaluations whose training is done; the others are marked as failed."""
    ready = {}
    for name, cells in by_run.items():
        source = cells[0].training.name
        if read_state(run_directory(store, source)).name == "done":
            ready[name] = cells
        else:
            create(run_directory(store, name))
            write_failed(run_directory(store, name), f"its training {source} is not done", "error")
    return ready


def plan_words(cells: Sequence[Cell], done: int) -> str:
    """How many rows became how many runs."""
    rows = len({(cell.table, cell.variant) for cell in cells})
    tasks = len({cell.run.task for cell in cells})
    seeds = len({cell.run.seed for cell in cells})
    runs = [_count(len(trainings(cells)), "training")]
    if evaluations(cells):
        runs.append(_count(len(evaluations(cells)), "evaluation"))
    chosen = f"{_count(rows, 'row')}, {_count(tasks, 'task')}, {_count(seeds, 'seed')}"
    return f"{chosen}: {_count(len(cells), 'cell')} -> {' and '.join(runs)} (already done: {done})"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


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
    by_run = {**trainings(cells), **evaluations(cells)}
    failed = {name: state for name, state in states.items() if state.name != "done"}
    console.print(f"{len(states) - len(failed)} of {len(states)} runs done; store: {store}", highlight=False)
    for name, state in failed.items():
        log = run_directory(store, name) / "log.txt"
        line = f"failed: {_label(by_run[name])}: {state.reason}" + (f" [log: {log}]" if log.exists() else "")
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(f"Next: {report_command(cells, store)}", highlight=False, soft_wrap=True)
    for state in failed.values():
        if state.kind == "input":
            raise InputError(state.reason or "")
    return 1 if failed else 0


def report_command(cells: Sequence[Cell], store: Path) -> str:
    """The command that reports a plan's tables, with the modules that have added rows to them."""
    tables = dict.fromkeys(cell.table for cell in cells)
    modules = dict.fromkeys(
        module for cell in cells for module in cell.run.config.get("custom_imports", {}).get("imports", ())
    )
    imports = "".join(f" --import {module}" for module in modules)
    return f"m2f report {' '.join(tables)}{imports} --store {store} --out report"

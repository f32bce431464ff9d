"""Carrying out a plan: data, the trainings that are not done, the evaluations of trainings, what became of them."""

import errno
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ablations.planning.plan import Plan, PlannedRun, Run
from ablations.planning.requirements import require_buildable
from ablations.running.estimate import show_plan
from ablations.running.executors import Executor
from ablations.running.executors.drive import drive
from ablations.running.needs import demanding, fetch_weights, require_room
from ablations.running.progress import Display
from ablations.running.worker import EVALUATION, TRAINING
from ablations.store.record_writing import write_failed
from ablations.store.run_record import RunRecord, State
from ablations.store.runs import create_run, require_own, run_directory, write_sweep
from ablations.studies import STUDIES
from m2f.errors import InputError

MakeExecutor = Callable[[int], Executor]


def carry_out(
    plan: Plan,
    store: Path,
    data_directory: Path,
    executor: MakeExecutor,
    console: Console,
    training: str = TRAINING,
    evaluation: str = EVALUATION,
) -> dict[str, State]:
    """Do what is not done of a plan: first the trainings, then the evaluations of those that are done.

    Args:
        plan: what to do.
        store: an open store.
        data_directory: takes the place of ``data`` in the configs' paths.
        executor: makes what carries the runs out; it gets their number.
        console: where to show progress.
        training: what a worker does with a training, as ``ablations.running.worker.execute`` takes it.
        evaluation: what it does with an evaluation.

    Returns:
        The states of the plan's runs by name.

    Raises:
        InputError: the data, weights, the GPU of a run's precision or room for checkpoints are not there, or a run's
            directory holds something else, and nothing has been started; or the store can no longer be written.
    """
    states = {name: RunRecord(run_directory(store, name)).state for name in plan.runs}
    pending = {name: planned.run for name, planned in plan.runs.items() if states[name].name != "done"}
    console.print(plan_words(plan, len(plan.runs) - len(pending)), highlight=False, markup=False, soft_wrap=True)
    with _writing(store):
        if pending:
            phases = [_of_pending(plan.trainings, pending), _of_pending(plan.evaluations, pending)]
            chosen = executor(max(map(len, phases)))
            chosen.warm_up(training)
            trainings = [run for run in pending.values() if run.source is None]
            require_precision(trainings, chosen)
            require_models(plan, pending)
            console.out("Preparing data", highlight=False)
            prepare_data(list(pending.values()), data_directory, console)
            require_room([planned.run for planned in demanding(plan, store)], store, chosen.slots)
            fetch_weights(trainings, data_directory, console)
            for run in pending.values():
                require_own(store, run)
            write_sweep(store, plan.cells)
            console.out(f"Starting, {chosen.slots} at a time", highlight=False)
            before = {run_directory(store, name): states[name] for name in pending}

            def create(directory: Path) -> None:
                create_run(store, pending[directory.name], data_directory)

            to_train, to_evaluate = phases
            _carry_out_phase(to_train, chosen, before, create, console, training)
            to_evaluate = _with_source(to_evaluate, create, store)
            _carry_out_phase(to_evaluate, chosen, before, create, console, evaluation)
        else:
            write_sweep(store, plan.cells)
    return {
        name: states[name] if name not in pending else RunRecord(run_directory(store, name)).state for name in plan.runs
    }


def announce(plan: Plan, store: Path, data_directory: Path, executor: MakeExecutor, console: Console) -> None:
    """Print what :func:`carry_out` would do, and what it needs; nothing is started or written."""
    states = {name: RunRecord(run_directory(store, name)).state.name for name in plan.runs}
    left = [[name for name in phase if states[name] != "done"] for phase in (plan.trainings, plan.evaluations)]
    console.print(plan_words(plan, list(states.values()).count("done")), highlight=False, markup=False, soft_wrap=True)
    require_models(plan, left[0])
    show_plan(plan, store, data_directory, executor(max(map(len, left))), console)


def require_models(plan: Plan, names: Collection[str]) -> None:
    """See that the models of some runs' trainings can be built."""
    trainings = [planned for name, planned in plan.trainings.items() if name in names]
    require_buildable((planned.run.config, f"{planned.run.config_file}, {planned.label}") for planned in trainings)


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


def _of_pending(phase: Mapping[str, PlannedRun], pending: Collection[str]) -> dict[str, PlannedRun]:
    return {name: planned for name, planned in phase.items() if name in pending}


def _carry_out_phase(
    phase: Mapping[str, PlannedRun],
    executor: Executor,
    before: Mapping[Path, State],
    create: Callable[[Path], None],
    console: Console,
    work: str,
) -> None:
    by_name = {directory.name: directory for directory in before}
    directories = {planned.label: by_name[name] for name, planned in phase.items()}
    if directories:
        with Display(directories, before, console) as display:
            of_phase = {directory: before[directory] for directory in directories.values()}
            drive(executor, of_phase, work, display.update, create)


def _with_source(phase: Mapping[str, PlannedRun], create: Callable[[Path], None], store: Path) -> dict[str, PlannedRun]:
    """The evaluations whose training is done; the others are marked as failed."""
    ready = {}
    for name, planned in phase.items():
        source = planned.cells[0].training.name
        if RunRecord(run_directory(store, source)).state.name == "done":
            ready[name] = planned
        else:
            create(run_directory(store, name))
            write_failed(run_directory(store, name), f"its training {source} is not done", "error")
    return ready


def plan_words(plan: Plan, done: int) -> str:
    """How many rows became how many runs."""
    rows = len({(cell.table, cell.variant) for cell in plan.cells})
    tasks = len({cell.run.task for cell in plan.cells})
    seeds = len({cell.run.seed for cell in plan.cells})
    runs = [_count(len(plan.trainings), "training")]
    if plan.evaluations:
        runs.append(_count(len(plan.evaluations), "evaluation"))
    chosen = f"{_count(rows, 'row')}, {_count(tasks, 'task')}, {_count(seeds, 'seed')}"
    return f"{chosen}: {_count(len(plan.cells), 'cell')} -> {' and '.join(runs)} (already done: {done})"


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


def require_precision(trainings: Iterable[Run], executor: Executor) -> None:
    """See that trainings which take a GPU for their precision are given one.

    Raises:
        InputError: they are not.
    """
    from m2f.engine.precision import check_precision

    if not executor.gpus:
        for run in trainings:
            check_precision(run.config)


def _bar(progress: Progress, description: str) -> Callable[[int, int], None]:
    task = progress.add_task(description, total=None)
    return lambda done, total: progress.update(task, completed=done, total=total)


def summarise(plan: Plan, states: dict[str, State], store: Path, console: Console) -> int:
    """Say what became of the runs and what to do next.

    Returns:
        The exit code: 0 when all runs are done, 1 when one failed.

    Raises:
        InputError: a run failed for bad input; its sentence.
    """
    failed = {name: state for name, state in states.items() if state.name != "done"}
    console.print(
        f"{len(states) - len(failed)} of {len(states)} runs done; store: {store}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for name, state in failed.items():
        log = RunRecord(run_directory(store, name)).log
        line = f"failed: {plan.runs[name].label}: {state.reason}" + (f" [log: {log}]" if log.exists() else "")
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for line in next_commands(plan, store):
        console.print(f"Next: {line}", highlight=False, markup=False, soft_wrap=True)
    for state in failed.values():
        if state.kind == "input":
            raise InputError(state.reason or "")
    return 1 if failed else 0


def next_commands(plan: Plan, store: Path) -> Iterator[str]:
    """What reports a plan's tables, or makes what their test servers take."""
    tables = list(dict.fromkeys(cell.table for cell in plan.cells))
    judged = {table: STUDIES[table].submitting for table in tables if table in STUDIES and STUDIES[table].submitting}
    if reported := [table for table in tables if table not in judged]:
        yield report_command(plan, reported, store)
    yield from judged.values()


def report_command(plan: Plan, tables: Iterable[str], store: Path) -> str:
    """The command that reports tables of a plan, with the modules that have added rows to them."""
    modules = dict.fromkeys(
        module for cell in plan.cells for module in cell.run.config.get("custom_imports", {}).get("imports", ())
    )
    imports = "".join(f" --import {module}" for module in modules)
    return f"m2f report {shlex.join(tables)}{imports} --store {shlex.quote(str(store))} --out report"

"""One run: what every executor starts, and ``python -m ablations.running.worker RUN_DIRECTORY``."""

import os
import pkgutil
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from ablations.running.environment import Suite, suite_state, surroundings
from ablations.store.claims import HELD, Holding, RunHeldError, claim
from ablations.store.record_writing import add_facts, write_done, write_failed, write_running
from ablations.store.run_record import RunRecord
from ablations.studies.users_rows import import_modules
from m2f.errors import InputError

TRAINING = "m2f.engine.train:train"
EVALUATION = "m2f.engine.evaluate:evaluate"
EXIT_CODES = {"done": 0, "input": 2}


def carry(directory: Path, work: str | None = None, processes: int = 1) -> int:
    """:func:`execute` in a process of its own, with everything that is printed going to the run's log."""
    with RunRecord(directory).log.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return execute(directory, work, processes)


def execute(directory: Path, work: str | None = None, processes: int = 1) -> int:
    """Do a run that is not done: train, or evaluate another run's last checkpoint, and write down how it ended.

    Args:
        directory: the run's directory, with ``config.py`` and ``run.json``.
        work: ``module:function`` of a function with the signature of ``m2f.engine.train.train``, or for an evaluation
            ``m2f.engine.evaluate.evaluate``; by default these.
        processes: how many share the work; several are started as torchrun starts them.

    Returns:
        An exit code: 0 done, 1 failed, 2 failed for bad input, 75 held by another process.
    """
    try:
        with claim(directory) as holding:
            if RunRecord(directory).state.name != "done":
                _attempt(directory, work, processes, holding)
    except RunHeldError:
        return HELD
    state = RunRecord(directory).state
    return EXIT_CODES.get(state.kind or state.name, 1)


def _attempt(directory: Path, work: str | None, processes: int, holding: Holding) -> None:
    write_running(directory)
    try:
        add_facts(directory, **surroundings(directory, loaded_suite()), processes=processes)
        metrics = _perform(directory, work, processes)
    except InputError as error:
        holding.require()
        write_failed(directory, input_sentence(error), "input")
    except Exception as error:
        traceback.print_exc()
        first_line = str(error).strip().partition("\n")[0]
        holding.require()
        write_failed(directory, f"{type(error).__name__}: {first_line}", "error")
    else:
        holding.require()
        write_done(directory, metrics)


@cache
def loaded_suite() -> Suite:
    """Commit and local changes of the code that this process runs; those forked from it have the same."""
    return suite_state()


def _perform(directory: Path, work: str | None, processes: int) -> dict[str, float]:
    if processes == 1:
        return perform(directory, work)
    from m2f.engine.launch import in_processes

    return in_processes(processes, perform, directory, work)


def perform(directory: Path, work: str | None) -> dict[str, float]:
    """Train, or evaluate another run's last checkpoint, in this process; the metrics."""
    record = RunRecord(directory)
    if record.source is None:
        return pkgutil.resolve_name(work or TRAINING)(run_config(record), directory, resume=True)
    from m2f.engine.evaluate import last_checkpoint

    checkpoint = last_checkpoint(directory.parent / record.source)
    return pkgutil.resolve_name(work or EVALUATION)(run_config(record), checkpoint, directory)


def input_sentence(error: InputError) -> str:
    """The error's sentence; a data loader's process sends it as the last line of a traceback."""
    return str(error).strip().splitlines()[-1].removeprefix(f"{InputError.__module__}.{InputError.__name__}: ")


def run_config(record: RunRecord) -> Any:
    """The config that a run has, its modules imported, its data where the run found them."""
    from mmengine import Config

    from m2f.data.paths import resolve_data_paths

    import_modules(record.imports)
    config = Config(record.config, filename=record.directory / "config.py")
    return resolve_data_paths(config, record.identity["data_directory"])


if __name__ == "__main__":
    sys.exit(execute(Path(sys.argv[1])))

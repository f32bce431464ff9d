"""One run in one process: ``python -m ablations.worker RUN_DIRECTORY``."""

import pkgutil
import sys
import traceback
from pathlib import Path
from typing import Any

from ablations.environment import environment, git_commit
from ablations.store import (
    RunHeldError,
    claim,
    read_identity,
    read_state,
    record,
    write_done,
    write_failed,
    write_running,
)
from m2f.errors import InputError

TRAINING = "m2f.engine.train:train"
EVALUATION = "m2f.engine.evaluate:evaluate"
HELD = 75  # exit code when another process holds the run; EX_TEMPFAIL of sysexits.h
EXIT_CODES = {"done": 0, "input": 2}


def execute(directory: Path, work: str | None = None) -> int:
    """Do a run that is not done: train, or evaluate another run's last checkpoint, and write down how it ended.

    Args:
        directory: the run's directory, with ``config.py`` and ``run.json``.
        work: ``module:function`` of a function with the signature of ``m2f.engine.train.train``, or for an evaluation
            ``m2f.engine.evaluate.evaluate``; by default these.

    Returns:
        An exit code: 0 done, 1 failed, 2 failed for bad input, 75 held by another process.
    """
    try:
        with claim(directory):
            if read_state(directory).name != "done":
                _attempt(directory, work)
    except RunHeldError:
        return HELD
    state = read_state(directory)
    return EXIT_CODES.get(state.kind or state.name, 1)


def _attempt(directory: Path, work: str | None) -> None:
    write_running(directory)
    try:
        record(directory, environment=environment(), git=git_commit())
        metrics = _work(directory, work)
    except InputError as error:
        write_failed(directory, input_sentence(error), "input")
    except Exception as error:
        traceback.print_exc()
        first_line = str(error).strip().partition("\n")[0]
        write_failed(directory, f"{type(error).__name__}: {first_line}", "error")
    else:
        write_done(directory, metrics)


def _work(directory: Path, work: str | None) -> dict[str, float]:
    source = read_identity(directory).get("source")
    if source is None:
        return pkgutil.resolve_name(work or TRAINING)(_config(directory), directory, resume=True)
    from m2f.engine.evaluate import last_checkpoint

    checkpoint = last_checkpoint(directory.parent / source)
    return pkgutil.resolve_name(work or EVALUATION)(_config(directory), checkpoint, directory)


def input_sentence(error: InputError) -> str:
    """The error's sentence; a data loader's process sends it as the last line of a traceback."""
    return str(error).strip().splitlines()[-1].removeprefix(f"{InputError.__module__}.{InputError.__name__}: ")


def _config(directory: Path) -> Any:
    from mmengine import Config

    from m2f.data.paths import resolve_data_paths

    config = Config.fromfile(directory / "config.py")
    return resolve_data_paths(config, read_identity(directory)["data_directory"])


if __name__ == "__main__":
    sys.exit(execute(Path(sys.argv[1])))

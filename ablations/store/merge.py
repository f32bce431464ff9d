"""Merging: what others have finished, taken into a store."""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ablations.store.packed import PackedRun, is_packed
from ablations.store.results_frame import CELL, Results, joined, read_results, whole_runs
from ablations.store.run_record import RunRecord
from ablations.store.runs import open_store, read_cells, run_directory, write_cells
from m2f.errors import InputError
from m2f.files import new_directory, new_file, write_atomically


def merge(found: Results, into: Path, say: Callable[[str], object]) -> int:
    """Copy the finished runs of results into a store which lacks them, and record which rows they fill.

    Nothing is written over, and what is read stays as it is. A run's directory appears whole or not at all, and rows
    are recorded when all runs are there: after a crash, the same again goes on.

    Args:
        found: results of stores and packed stores.
        into: the store; made, if it is not there.
        say: takes a sentence for each run of the store that is in the way.

    Returns:
        How many runs were taken in.

    Raises:
        InputError: the store and the results contradict each other, or of a run only the numbers are known; then
            nothing has been written.
    """
    if is_packed(into):
        raise InputError(f"{into} is a packed store; `m2f pack` adds to it.")
    for run in found.runs.values():
        if not run.recorded:
            raise InputError(f"Of the run {run.name}, {run.directory.parent} has numbers alone; {run.mend}.")
    if (into / "sweeps").is_dir():
        joined([read_results(into), found])
    open_store(into)
    known = {tuple(cell[key] for key in CELL) for cell in read_cells(into)}
    taken = sum(_take(run, into, say) for run in _with_trainings(found))
    cells = found.frame[list(CELL)].drop_duplicates().to_dict("records")
    fresh = [_cell(cell, found) for cell in cells if tuple(cell[key] for key in CELL) not in known]
    if fresh:
        write_cells(into, fresh)
    return taken


def commits(found: Results) -> list[str]:
    """The commits of the suite that made the runs, each once, those with local changes marked."""
    named = [(run.git.get("commit"), run.git.get("dirty")) for run in found.runs.values() if run.recorded]
    words = {f"{commit[:12]}{' with local changes' if dirty else ''}" for commit, dirty in named if commit}
    return sorted(words)


def unfinished(store: Path, found: Results) -> int:
    """How many runs of a store are not finished; those of the results are."""
    others = {cell["run"] for cell in read_cells(store)} - found.runs.keys()
    return sum(RunRecord(run_directory(store, name)).state.name != "done" for name in others)


def _with_trainings(found: Results) -> Iterator[RunRecord]:
    """The runs, and before each evaluation the training that it evaluates, if that is finished beside it."""
    for run in found.runs.values():
        if run.source and run.source not in found.runs and not isinstance(run, PackedRun):
            training = RunRecord(run.directory.parent / run.source)
            if training.state.name == "done":
                yield training
        yield run


def _cell(cell: dict[Any, Any], found: Results) -> dict[str, Any]:
    """A cell as a sweep's record has it."""
    source = found.runs[cell["run"]].source
    return {**cell, "seed": int(cell["seed"]), **({"source": source} if source else {})}


def _take(run: RunRecord, into: Path, say: Callable[[str], object]) -> bool:
    """Copy a run into a store; whether it was not there."""
    directory = run_directory(into, run.name)
    if directory.exists():
        there = RunRecord(directory)
        if not whole_runs([there])[0]:
            word = "damaged" if there.state.name == "done" else there.state.name
            say(f"Left as it is: {directory} is {word}; remove it and merge again to take the finished one.")
        return False
    try:
        with new_directory(directory) as new:
            if isinstance(run, PackedRun):
                for name, content in run.files.items():
                    (new / name).parent.mkdir(parents=True, exist_ok=True)
                    write_atomically(new / name, content)
            if run.directory.is_dir():
                _copy(run.directory, new)
    except FileExistsError:
        return False  # another process has just brought it
    except OSError as error:
        raise InputError(f"{run.directory} cannot be copied to {into} ({error}); mend that and merge again.") from error
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a run's files, but for claims and what is no file of its own: links may lead anywhere, pipes have no end."""
    folders = [Path()]
    while folders:
        folder = folders.pop()
        (target / folder).mkdir(exist_ok=True)
        for entry in os.scandir(source / folder):
            if entry.name.startswith((".", "claim.")):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(folder / entry.name)
            elif entry.is_file(follow_symlinks=False):
                _copy_file(source / folder / entry.name, target / folder / entry.name)


def _copy_file(source: Path, target: Path) -> None:
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file, new_file(target) as copy:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(source))
        shutil.copyfileobj(file, copy)

"""Repeating a run from its record, and whether it comes out the same.

    store/reruns/<run>/<n>/    the n-th repetition, as a run directory

The original stays as it is.
"""

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablations.planning.initial_weights import weights_fingerprints
from ablations.running.executors.local import THREAD_VARIABLES
from ablations.running.worker import run_config
from ablations.store.run_record import CONFIG, IDENTITY, RunRecord
from ablations.store.runs import require_store, run_directory
from m2f.errors import InputError
from m2f.files import write_json

RECORDED = ("environment", "git", "processes")  # what a worker adds to ``run.json``
WORKER = """
import sys
from pathlib import Path
from ablations.running.worker import carry
sys.exit(carry(Path(sys.argv[1]), sys.argv[2] or None, int(sys.argv[3])))
"""


@dataclass(frozen=True)
class Repetition:
    """A run beside its repetition.

    Attributes:
        directory: where the repetition lies.
        metrics: by name, the run's value and the repetition's; None where there is none. The training losses that
            were logged first and last are among them.
        surroundings: what differs in commit, local changes, versions, machine, data and weights to begin from, by name:
            then and now.
        failure: why the repetition has no metrics, if it has none.
    """

    directory: Path
    metrics: Mapping[str, tuple[float | None, float | None]]
    surroundings: Mapping[str, tuple[Any, Any]]
    failure: str | None = None

    @property
    def matches(self) -> bool:
        """Whether all metrics are equal, to the last digit."""
        return not self.failure and all(before == after for before, after in self.metrics.values())


def find_run(store: Path, name: str) -> Path:
    """The directory of a run, named by the beginning of its name.

    Raises:
        InputError: there is no store, no such run, or several.
    """
    require_store(store)
    found = sorted(path for path in (store / "runs").glob(f"{name}*") if path.is_dir()) if name.isalnum() else []
    if len(found) != 1:
        number = f"{len(found)} runs" if found else "no run"
        raise InputError(
            f"{store} has {number} whose name begins with '{name}'; `m2f status --json` lists their names."
        )
    return found[0]


def rerun(store: Path, name: str, say: Callable[[str], None], work: str = "") -> Repetition:
    """Repeat a finished run in a process of its own, with as many threads, and compare.

    An evaluation is repeated on the same checkpoint.

    Args:
        store: the run's store.
        name: the run's name or its beginning.
        say: takes a line about where the repetition takes place.
        work: what a worker does, as ``ablations.running.worker.execute`` takes it; by default what it did for the run.

    Raises:
        InputError: there is no such run, it is not done, or its data cannot be used.
    """
    run = find_run(store, name)
    if RunRecord(run).state.name != "done":
        raise InputError(f"{run} is not done, so there is nothing to match; finish it with `m2f run`.")
    identity = RunRecord(run).identity
    contents = {**_data(run, identity), **changed_weights(run, identity)}
    directory = _copy(store, run, identity)
    say(f"Repeating {run.name} in {directory}, whose log.txt says how far it is.")
    _carry_out(directory, identity, work)
    state = RunRecord(directory).state
    if state.kind == "input":
        raise InputError(state.reason or "")
    failure = (
        None if state.name == "done" else state.reason or f"its process ended; {RunRecord(directory).log} has more"
    )
    return Repetition(directory, _metrics(run, directory), {**contents, **_surroundings(run, directory)}, failure)


def _data(run: Path, identity: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """See that the run's data are there; their fingerprints, if it is another now."""
    from m2f.data.config_layout import require_data_layout
    from m2f.data.fingerprint import fingerprint
    from m2f.data.prepare import prepare

    record = RunRecord(run)
    record.require_imported()
    require_data_layout(record.config, str(run / CONFIG))
    config = run_config(record)
    prepare(config)
    then, now = identity["data_fingerprint"], fingerprint(config)
    return {} if then == now else {"data fingerprint": (then, now)}


def changed_weights(run: Path, identity: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The contents of the files that a training began from, by the key that names each, if they are others now."""
    if "source" in identity:  # its checkpoint is all that it begins from
        return {}
    then = identity.get("weights", {})
    now = weights_fingerprints(RunRecord(run).config, Path(identity["data_directory"]))
    return {
        f"content of {key}": (then.get(key, "not recorded"), now.get(key, "missing"))
        for key in {**then, **now}
        if then.get(key) != now.get(key)
    }


def _copy(store: Path, run: Path, identity: Mapping[str, Any]) -> Path:
    """A new run directory with the run's config and identity alone."""
    repetitions = store / "reruns" / run.name
    repetitions.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        directory = repetitions / str(number)
        with suppress(FileExistsError):
            directory.mkdir()
            break
    shutil.copyfile(run / CONFIG, directory / CONFIG)
    write_json(directory / IDENTITY, {key: value for key, value in identity.items() if key not in RECORDED})
    if "source" in identity:
        # A worker looks for the training that it evaluates beside its own directory.
        link = repetitions / identity["source"]
        with suppress(FileExistsError):
            link.symlink_to(run_directory(store.absolute(), identity["source"]))
    return directory


def _carry_out(directory: Path, identity: Mapping[str, Any], work: str) -> None:
    threads = identity.get("environment", {}).get("threads")
    recorded = dict.fromkeys(THREAD_VARIABLES, str(threads)) if threads else {}
    modules = os.pathsep.join(dict.fromkeys(filter(None, sys.path)))  # where --import has found some
    subprocess.run(
        [sys.executable, "-P", "-c", WORKER, directory, work, str(identity.get("processes", 1))],
        env={**os.environ, **recorded, "PYTHONPATH": modules},
    )


def _metrics(run: Path, repetition: Path) -> dict[str, tuple[float | None, float | None]]:
    both = [_numbers(RunRecord(directory)) for directory in (run, repetition)]
    names = dict.fromkeys([*both[0], *both[1]])
    return {name: (both[0].get(name), both[1].get(name)) for name in names}


def _numbers(record: RunRecord) -> dict[str, float]:
    """Metrics and losses; of a repetition that failed, what there is."""
    metrics = record.metrics if record.state.name == "done" else {}
    return {**metrics, **record.losses}


def _surroundings(run: Path, repetition: Path) -> dict[str, tuple[Any, Any]]:
    then, now = _facts(run), _facts(repetition)
    return {name: (then[name], now[name]) for name in then if name in now and then[name] != now[name]}


def _facts(directory: Path) -> dict[str, Any]:
    """What the record says of where the run took place, packages and all by their own names."""
    record = RunRecord(directory)
    environment, git, patch = dict(record.environment), record.git, record.patch
    packages = environment.pop("packages", {})
    changes = hashlib.sha256(patch.read_bytes()).hexdigest()[:16] if patch.exists() else git.get("dirty")
    return {
        "commit": git.get("commit"),
        "local changes": changes,
        **packages,
        **environment,
        "processes": record.identity.get("processes", 1),
    }


def lines(repetition: Repetition) -> Iterator[str]:
    """Whether it matches, what differs in its numbers, and in where it took place."""
    if repetition.failure:
        yield f"The repetition failed: {repetition.failure}"
    else:
        equal = sum(before == after for before, after in repetition.metrics.values())
        verdict = "matches" if repetition.matches else "does not match"
        yield f"The repetition {verdict}: {equal} of {len(repetition.metrics)} metrics are equal to the last digit."
        for name, (before, after) in repetition.metrics.items():
            if before != after:
                change = f" ({after - before:+.6g})" if before is not None and after is not None else ""
                yield f"  {name}: {before} -> {after}{change}"
    if repetition.surroundings:
        yield "What differs in where it took place:"
        yield from (f"  {name}: {then} -> {now}" for name, (then, now) in repetition.surroundings.items())
    elif not repetition.failure:
        yield "Commit, local changes, versions, machine, threads and data are the same."

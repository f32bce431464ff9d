"""What the run directories of a store tell about the runs behind a report."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ablations.comparing.beside_paper import PRIMARY_METRIC
from ablations.store.runs import State, read_identity, read_state
from m2f.errors import InputError
from reports.text import DATASET_NAMES, listing

# What run.json's environment holds besides versions of what decides numbers.
PLACE = ("platform", "processor", "cores", "memory", "gpus", "threads", "precision", "packages")


@dataclass(frozen=True)
class RunRecord:
    """One finished run: who it is and where it ran, when, what it cost in seconds, and how it learned."""

    directory: Path
    identity: dict[str, Any]
    state: State
    seconds: dict[str, float]
    history: list[dict[str, Any]]


def read_run(directory: Path) -> RunRecord:
    """Read a run directory; InputError names a file that is missing or damaged."""
    identity = read_identity(directory)
    return RunRecord(
        directory=directory,
        identity=identity,
        state=read_state(directory),
        seconds=_read(directory / "timing.json")["seconds"],
        # A run that evaluates another one learns nothing on the way.
        history=[] if identity.get("source") else _read(directory / "history.json"),
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}): remove its run directory and give the `m2f run` that made it again."
        ) from error


def facts(runs: list[RunRecord]) -> list[dict[str, str]]:
    """Where the numbers of these runs come from, as name and value; what differs between runs is named in full."""
    environments = [run.identity["environment"] for run in runs]
    lines = {
        "Data set": _data(runs),
        "Seeds": listing([str(seed) for seed in sorted({run.identity["seed"] for run in runs})]),
        "Runs": f"{_count(runs)}, {_dates(runs)}",
        "Commit": commits(runs),
        "Versions": _distinct(map(_versions, environments)),
        "Machine": _distinct(map(_machine, environments)),
        "Precision": _distinct(map(_precision, environments)),
        "Threads": _distinct(f"{e['threads']} for each run" for e in environments),
    }
    return [{"name": name, "value": value} for name, value in lines.items()]


def packages(runs: list[RunRecord]) -> str:
    """All packages of the runs' environments with their versions; empty where the runs kept none."""
    return _distinct(
        ", ".join(f"{name} {version}" for name, version in found.items() if version is not None)
        for found in (run.identity["environment"].get("packages") or {} for run in runs)
        if found
    )


def commits(runs: Iterable[RunRecord]) -> str:
    """The commits that the runs were made with."""
    return _distinct(_commit(run.identity["git"]) for run in runs)


def _distinct(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values))


def _data(runs: list[RunRecord]) -> str:
    """Each data set that was used, with the tasks that used it."""
    tasks: dict[tuple[str, str, str], list[str]] = {}
    for task in PRIMARY_METRIC:
        for identity in (run.identity for run in runs if run.identity["task"] == task):
            used = tasks.setdefault((identity["dataset"], identity["split"], identity["data_fingerprint"]), [])
            used.extend([task] if task not in used else [])
    return "; ".join(
        f"{DATASET_NAMES.get(dataset, dataset)}, evaluated on {split}, fingerprint {fingerprint[:16]} ({listing(used)})"
        for (dataset, split, fingerprint), used in tasks.items()
    )


def _count(runs: list[RunRecord]) -> str:
    evaluations = sum(1 for run in runs if run.identity.get("source"))
    counts = {"trainings": len(runs) - evaluations, "further evaluations of trained models": evaluations}
    return listing([f"{count} {kind}" for kind, count in counts.items() if count])


def _dates(runs: list[RunRecord]) -> str:
    started = min(run.state.started or "" for run in runs)
    finished = max(run.state.finished or "" for run in runs)
    return f"from {_minute(started)} to {_minute(finished)} UTC"


def _minute(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M")


def _commit(git: dict[str, Any]) -> str:
    if git["commit"] is None:
        return "unknown: the suite was not run from a checkout"
    return f"{git['commit'][:12]} ({'with uncommitted changes' if git['dirty'] else 'clean'})"


def _machine(environment: dict[str, Any]) -> str:
    gpus = environment.get("gpus") or []
    memory = environment.get("memory")
    return ", ".join(
        [
            environment["processor"],
            f"{environment['cores']} cores",
            *([f"{memory} GB"] if memory else []),
            *gpus,
            environment["platform"],
        ]
    )


def _precision(environment: dict[str, Any]) -> str:
    precision = environment.get("precision")
    if not precision:
        return "not recorded by these runs"
    return f"{precision['type']} ({precision['wrapper']}), float32 matrix products {precision['matrix_products']}"


def _versions(environment: dict[str, Any]) -> str:
    versions = [
        f"{'Python' if name == 'python' else name} {version}"
        for name, version in environment.items()
        if name not in PLACE and version is not None
    ]
    return ", ".join(versions)

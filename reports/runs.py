"""What the run directories of a store tell about the runs behind a report."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from ablations.metric_names import PRIMARY_METRIC
from ablations.reports.text import DATASET_NAMES, listing
from ablations.store.run_record import RunRecord

# What run.json's environment holds besides versions of what decides numbers.
PLACE = ("platform", "processor", "cores", "memory", "gpus", "threads", "precision", "packages")
NOT_RECORDED = "not recorded by these runs"


def facts(runs: list[RunRecord]) -> list[dict[str, str]]:
    """Where the numbers of these runs come from, as name and value; what differs between runs is named in full."""
    environments = [run.environment for run in runs]
    lines = {
        "Data set": _data(runs),
        "Seeds": listing([str(seed) for seed in sorted({run.identity["seed"] for run in runs})]),
        "Runs": f"{_count(runs)}, {_dates(runs)}",
        "Commit": commits(runs),
        "Versions": _distinct(map(_versions, environments)) or NOT_RECORDED,
        "Machine": _distinct(map(_machine, environments)),
        "Precision": _distinct(map(_precision, environments)),
        "Threads": _distinct(f"{e['threads']} for each run" for e in environments if "threads" in e) or NOT_RECORDED,
    }
    return [{"name": name, "value": value} for name, value in lines.items()]


def packages(runs: list[RunRecord]) -> str:
    """All packages of the runs' environments with their versions; empty where the runs kept none."""
    return _distinct(
        ", ".join(f"{name} {version}" for name, version in found.items() if version is not None)
        for found in (run.environment.get("packages") or {} for run in runs)
        if found
    )


def commits(runs: Iterable[RunRecord]) -> str:
    """The commits that the runs were made with."""
    return _distinct(_commit(run.git) for run in runs)


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
        f"{DATASET_NAMES.get(dataset, dataset)}, evaluated on {split}, "
        f"fingerprint {fingerprint[:16] or NOT_RECORDED} ({listing(used)})"
        for (dataset, split, fingerprint), used in tasks.items()
    )


def _count(runs: list[RunRecord]) -> str:
    evaluations = sum(1 for run in runs if run.source)
    counts = {"trainings": len(runs) - evaluations, "further evaluations of trained models": evaluations}
    return listing([f"{count} {kind}" for kind, count in counts.items() if count])


def _dates(runs: list[RunRecord]) -> str:
    states = [run.state for run in runs]
    started = min((state.started for state in states if state.started), default="")
    finished = max((state.finished for state in states if state.finished), default="")
    return f"from {_minute(started)} to {_minute(finished)} UTC" if started else NOT_RECORDED


def _minute(moment: str) -> str:
    with suppress(ValueError):
        return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M")
    return "a time that is not recorded"


def _commit(git: dict[str, Any]) -> str:
    if not git:
        return NOT_RECORDED
    if git.get("commit") is None:
        return "unknown: the suite was not run from a checkout"
    return f"{git['commit'][:12]} ({'with uncommitted changes' if git.get('dirty') else 'clean'})"


def _machine(environment: dict[str, Any]) -> str:
    gpus = environment.get("gpus") or []
    memory = environment.get("memory")
    cores = environment.get("cores")
    parts = [
        environment.get("processor"),
        f"{cores} cores" if cores else "",
        f"{memory} GB" if memory else "",
        *gpus,
        environment.get("platform"),
    ]
    return ", ".join(filter(None, parts)) or NOT_RECORDED


def _precision(environment: dict[str, Any]) -> str:
    precision = environment.get("precision")
    if not precision:
        return NOT_RECORDED
    of_type, wrapper, products = (precision.get(part, "unknown") for part in ("type", "wrapper", "matrix_products"))
    return f"{of_type} ({wrapper}), float32 matrix products {products}"


def _versions(environment: dict[str, Any]) -> str:
    versions = [
        f"{'Python' if name == 'python' else name} {version}"
        for name, version in environment.items()
        if name not in PLACE and version is not None
    ]
    return ", ".join(versions)

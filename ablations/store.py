"""The store: run directories named by digest, their states, and the records of sweeps.

    store/runs/<digest[:16]>/   config.py, run.json, state.json, metrics.json, log.txt, claim.<n>, checkpoints
    store/sweeps/<id>.json      which row, task and seed of which table is which run

Files are written to a temporary name and renamed, so a crash at any moment leaves each of them whole. What cannot be
told again is flushed to the disk.
A run is *running* only while the claim of its worker lives (``ablations.claims``).
"""

import ast
import hashlib
import json
import os
import pprint
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ablations.claims import is_held
from ablations.plan import RESULTS_FORMAT_VERSION, Cell, Run
from m2f.errors import InputError
from m2f.files import write_atomically, write_json

STATES = ("done", "running", "failed", "interrupted", "planned")
CELL_KEYS = ("table", "variant", "method", "backbone", "dataset", "split", "task", "scale", "seed", "run")
OWN_SWEEPS = "sweeps/" + 16 * "[0-9a-f]" + ".json"


@dataclass(frozen=True)
class State:
    """Where a run stands.

    Attributes:
        name: one of ``STATES``. *Interrupted* is never written: it is *running* without a live worker.
        reason: why it failed or does not count as done, in one sentence.
        kind: of a failure: 'input', 'error' or 'killed'.
        pid: its last worker.
        host: where that ran.
        started: when, ISO 8601.
        finished: when it was done or failed.
    """

    name: str
    reason: str | None = None
    kind: str | None = None
    pid: int | None = None
    host: str | None = None
    started: str | None = None
    finished: str | None = None


def open_store(path: Path) -> Path:
    """Make the store's directories if they are not there.

    Raises:
        InputError: they cannot be made or written to.
    """
    try:
        for directory in (path / "runs", path / "sweeps"):
            directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=directory):
                pass
    except OSError as error:
        raise InputError(
            f"The store {path} is not writable ({error.strerror}); choose another directory with --store."
        ) from error
    return path


def require_store(path: Path) -> Path:
    """The store's path.

    Raises:
        InputError: there is no store.
    """
    if not (path / "sweeps").is_dir():
        raise InputError(f"There is no store at {path}; `m2f run` makes one, --store names another.")
    return path


def run_directory(store: Path, name: str) -> Path:
    """Where a run lies."""
    return store / "runs" / name


def create_run(store: Path, run: Run, data_directory: Path) -> Path:
    """Make the run's directory with ``config.py`` and ``run.json``, or take the one that is there.

    Raises:
        InputError: there is something else in its place.
    """
    directory = run_directory(store, run.name)
    if not directory.exists():
        _write_run(directory, run, data_directory)
    identity = require_own(store, run)
    if not is_held(directory):
        if identity["data_directory"] != str(data_directory):
            write_json(directory / "run.json", {**identity, "data_directory": str(data_directory)})
        _write_config(directory, run)  # which may now be shown to people in another way
    return directory


def require_own(store: Path, run: Run) -> dict[str, Any]:
    """What ``run.json`` says in the directory of a run; empty if there is no directory.

    Raises:
        InputError: there is something else in its place.
    """
    directory = run_directory(store, run.name)
    if not directory.exists():
        return {}
    identity = _read_json(directory / "run.json")
    if identity is None or identity.get("digest") != run.digest:
        raise InputError(f"{directory} holds something else than this run; move it away or choose another --store.")
    return identity


def _write_run(directory: Path, run: Run, data_directory: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    temporary.chmod(0o755)
    _write_config(temporary, run)
    write_json(temporary / "run.json", _identity(run, data_directory))
    try:
        temporary.replace(directory)
    except OSError:
        # Another process has just made the same run.
        shutil.rmtree(temporary)


def _write_config(directory: Path, run: Run) -> None:
    path, text = directory / "config.py", config_text(run.config).encode()
    if not path.exists() or path.read_bytes() != text:
        write_atomically(path, text, lasting=False)


def config_text(config: Mapping[str, Any]) -> str:
    """A config as a Python file that mmengine reads back as it was."""
    return "\n".join(f"{key} = {pprint.pformat(value, width=118, sort_dicts=False)}" for key, value in config.items())


def read_config(directory: Path) -> Any:
    """The run's config. Its file holds values alone, so nothing is run, and mmengine's reader would take 20 ms.

    Raises:
        InputError: it is not there, damaged, or more than values.
    """
    from mmengine import Config

    path = directory / "config.py"
    try:
        lines = ast.parse(path.read_text()).body
        values = {line.targets[0].id: ast.literal_eval(line.value) for line in lines}  # type: ignore[attr-defined]
    except (OSError, SyntaxError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be read as a run's config; remove its run directory and give the `m2f run` that made it "
            "again."
        ) from error
    return Config(values, filename=path)


def _identity(run: Run, data_directory: Path) -> dict[str, Any]:
    return {
        "digest": run.digest,
        "task": run.task,
        "scale": run.scale,
        "seed": run.seed,
        "dataset": run.dataset,
        "split": run.split,
        "config": run.config_file,
        "overrides": dict(run.overrides),
        "data_fingerprint": run.data_fingerprint,
        "data_directory": str(data_directory),
        "results_format": RESULTS_FORMAT_VERSION,
        **_source(run),
    }


def _source(run: Run) -> dict[str, str]:
    """Of an evaluation, the training that it evaluates."""
    return {"source": run.source.name} if run.source else {}


def read_identity(directory: Path) -> dict[str, Any]:
    """What ``run.json`` says.

    Raises:
        InputError: it is not there or cannot be read.
    """
    identity = _read_json(directory / "run.json")
    if identity is None:
        raise InputError(f"{directory} is not a run directory: it has no readable run.json.")
    return identity


def record(directory: Path, **facts: Any) -> None:
    """Add facts to ``run.json``."""
    write_json(directory / "run.json", {**read_identity(directory), **facts})


def read_state(directory: Path) -> State:
    """Where a run stands, whatever happened to its worker."""
    content = _written_state(directory)
    if content is not None and content["state"] == "running" and not is_held(directory):
        # The worker writes its last state before it lets go of the run.
        content = _written_state(directory)
        if content is not None and content["state"] == "running":
            content |= {"state": "interrupted", "reason": "its worker is gone"}
    if content is not None and content["state"] == "done" and isinstance(fault := _metrics_or_fault(directory), str):
        content |= {"state": "interrupted", "reason": fault}
    if content is None:
        return State("planned")
    known = ("reason", "kind", "pid", "host", "started", "finished")
    return State(content["state"], **{key: content.get(key) for key in known})


def _written_state(directory: Path) -> dict[str, Any] | None:
    """What ``state.json`` says; None if it is not there, damaged or a stranger's."""
    content = _read_json(directory / "state.json")
    return content if content is not None and content.get("state") in STATES else None


def write_running(directory: Path) -> None:
    """The run has begun, in this process."""
    facts = {"state": "running", "pid": os.getpid(), "host": socket.gethostname(), "started": _now()}
    write_json(directory / "state.json", facts, lasting=False)


def write_done(directory: Path, metrics: Mapping[str, float]) -> None:
    """The run has ended with these metrics."""
    content = {"metrics": dict(metrics), "results_format": RESULTS_FORMAT_VERSION}
    write_json(directory / "metrics.json", content)
    _write_end(directory, "done")


def write_failed(directory: Path, reason: str, kind: str) -> None:
    """The run has ended without metrics; ``kind`` as in ``State``."""
    _write_end(directory, "failed", reason=reason, kind=kind)


def _write_end(directory: Path, state: str, **facts: str) -> None:
    content = _written_state(directory) or {}
    write_json(directory / "state.json", {**content, "state": state, **facts, "finished": _now()})


def read_metrics(directory: Path) -> dict[str, float] | None:
    """The run's metrics by name; None if there are none that can be relied on."""
    metrics = _metrics_or_fault(directory)
    return metrics if isinstance(metrics, dict) else None


def _metrics_or_fault(directory: Path) -> dict[str, float] | str:
    """The run's metrics by name, or why there are none that can be relied on."""
    content = _read_json(directory / "metrics.json")
    if content is None or not isinstance(content.get("metrics"), dict):
        return "metrics.json is missing or damaged"
    written = content.get("results_format")
    if written != RESULTS_FORMAT_VERSION:
        return f"metrics.json is of results format {written}, this version of m2f writes {RESULTS_FORMAT_VERSION}"
    return content["metrics"]


def read_progress(directory: Path) -> dict[str, Any]:
    """What the run last said of its progress; empty before it said anything."""
    return _read_json(directory / "progress.json") or {}


def read_seconds(directory: Path) -> float | None:
    """The seconds that the run's processes have spent, up to its last evaluation; None before the first."""
    return ((_read_json(directory / "timing.json") or {}).get("seconds") or {}).get("total")


def write_sweep(store: Path, cells: Sequence[Cell]) -> Path:
    """Record which row, task and seed is which run; the same plan is recorded once."""
    rows = [cell_record(cell) for cell in cells]
    name = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]
    path = store / "sweeps" / f"{name}.json"
    if not path.exists():
        write_json(path, {"created": _now(), "cells": rows})
    return path


def cell_record(cell: Cell) -> dict[str, Any]:
    """A cell as sweeps and the results frame name it."""
    return {
        "table": cell.table,
        "variant": cell.variant,
        "method": cell.method,
        "backbone": cell.backbone,
        "dataset": cell.run.dataset,
        "split": cell.run.split,
        "task": cell.run.task,
        "scale": cell.run.scale,
        "seed": cell.run.seed,
        "run": cell.run.name,
        **_source(cell.run),
    }


def read_cells(store: Path) -> list[dict[str, Any]]:
    """The cells of all sweeps, oldest sweep first, each once. What others have put beside their records is left alone.

    Raises:
        InputError: there is no store, or a sweep's record is damaged or of another version of m2f.
    """
    sweeps = []
    for path in require_store(store).glob(OWN_SWEEPS):
        sweep = _read_json(path)
        if sweep is None or not _is_sweep(sweep):
            raise InputError(
                f"{path} is damaged or of another version of m2f; remove it and give the `m2f run` that wrote it again."
            )
        sweeps.append(sweep)
    sweeps.sort(key=lambda sweep: sweep["created"])
    cells = [cell for sweep in sweeps for cell in sweep["cells"]]
    return list({tuple(cell.items()): cell for cell in cells}.values())


def _is_sweep(content: dict[str, Any]) -> bool:
    """Whether this is what ``write_sweep`` writes."""
    cells = content.get("cells")
    return (
        isinstance(content.get("created"), str)
        and isinstance(cells, list)
        and all(isinstance(cell, dict) and cell.keys() >= set(CELL_KEYS) for cell in cells)
    )


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None if there is no whole one."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_bytes())
        return content if isinstance(content, dict) else None
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

"""The store: runs' directories named by digest, and the records of sweeps.

    store/runs/<digest[:16]>/   a run, see ``ablations.store.run_record``
    store/sweeps/<id>.json      which row, task and seed of which table is which run
    store/reruns/<run>/<n>/     the n-th repetition of a run

A run is *running* only while the claim of its worker lives (``ablations.store.claims``).
"""

import hashlib
import json
import pprint
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import msgspec

from ablations.planning.plan import RESULTS_FORMAT_VERSION, Cell, Run
from ablations.store.claims import is_held
from ablations.store.record_writing import now
from ablations.store.run_record import CONFIG, IDENTITY, RunRecord
from m2f.errors import InputError
from m2f.files import new_directory, read_regular, write_atomically, write_json

OWN_SWEEPS = "sweeps/" + 16 * "[0-9a-f]" + ".json"

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]
RunName = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class CellRecord(TypedDict):
    """A row of a table with one task and seed, and the name of the run that fills it."""

    table: Word
    variant: Word
    method: Word
    backbone: Word
    dataset: Word
    split: Word
    task: Word
    scale: Word
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
    run: RunName
    source: NotRequired[RunName]


class Sweep(TypedDict):
    """What a sweep's record says."""

    created: str
    cells: list[CellRecord]


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
            write_json(directory / IDENTITY, {**identity, "data_directory": str(data_directory)})
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
    try:
        identity = RunRecord(directory).identity
    except InputError:
        identity = {}
    if identity.get("digest") != run.digest:
        raise InputError(f"{directory} holds something else than this run; move it away or choose another --store.")
    return identity


def _write_run(directory: Path, run: Run, data_directory: Path) -> None:
    # Another process may just have made the same run.
    with suppress(FileExistsError), new_directory(directory) as new:
        _write_config(new, run)
        write_json(new / IDENTITY, _identity(run, data_directory))


def _write_config(directory: Path, run: Run) -> None:
    path, text = directory / CONFIG, config_text(run.config).encode()
    if not path.exists() or path.read_bytes() != text:
        write_atomically(path, text, lasting=False)


def config_text(config: Mapping[str, Any]) -> str:
    """A config as a Python file that mmengine reads back as it was."""
    return "\n".join(f"{key} = {pprint.pformat(value, width=118, sort_dicts=False)}" for key, value in config.items())


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
        **({"weights": dict(run.weights)} if run.weights else {}),
        **_source(run),
    }


def _source(run: Run) -> dict[str, str]:
    """Of an evaluation, the training that it evaluates."""
    return {"source": run.source.name} if run.source else {}


def write_sweep(store: Path, cells: Sequence[Cell]) -> Path:
    """Record which row, task and seed is which run; the same plan is recorded once."""
    return write_cells(store, [cell_record(cell) for cell in cells])


def write_cells(store: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Record cells, each as :func:`cell_record` has it; the same ones are recorded once."""
    name = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]
    path = store / "sweeps" / f"{name}.json"
    if not path.exists():
        write_json(path, {"created": now(), "cells": rows})
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
        try:
            sweeps.append(msgspec.json.decode(read_regular(path), type=Sweep))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{path} is damaged or of another version of m2f; remove it and give the `m2f run` that wrote it again."
            ) from error
    sweeps.sort(key=lambda sweep: sweep["created"])
    cells = [dict(cell) for sweep in sweeps for cell in sweep["cells"]]
    return list({tuple(cell.items()): cell for cell in cells}.values())

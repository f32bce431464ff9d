"""What the suite itself writes into a run's directory: facts of the run, and where it stands.

``ablations.store.run_record`` says who writes each file of it, and reads them.
"""

import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ablations.planning.plan import RESULTS_FORMAT_VERSION
from ablations.store.run_record import IDENTITY, METRICS, STATE, RunRecord
from m2f.files import write_json


def add_facts(directory: Path, **facts: Any) -> None:
    """Add facts to ``run.json``."""
    write_json(directory / IDENTITY, {**RunRecord(directory).identity, **facts})


def write_running(directory: Path) -> None:
    """The run has begun, in this process."""
    facts = {"state": "running", "pid": os.getpid(), "host": socket.gethostname(), "started": now()}
    write_json(directory / STATE, facts, lasting=False)


def write_done(directory: Path, metrics: Mapping[str, float]) -> None:
    """The run has ended with these metrics."""
    content = {"metrics": dict(metrics), "results_format": RESULTS_FORMAT_VERSION}
    write_json(directory / METRICS, content)
    _write_end(directory, "done")


def write_failed(directory: Path, reason: str, kind: str) -> None:
    """The run has ended without metrics; ``kind`` as in ``State``."""
    _write_end(directory, "failed", reason=reason, kind=kind)


def _write_end(directory: Path, state: str, **facts: str) -> None:
    content = RunRecord(directory).written_state() or {}
    write_json(directory / STATE, {**content, "state": state, **facts, "finished": now()})


def now() -> str:
    """The time as states and sweeps have it, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")

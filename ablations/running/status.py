"""What a store holds and where each of its runs stands."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ablations.running.progress import progress_words
from ablations.store.run_record import STATES, RunRecord
from ablations.store.runs import read_cells, run_directory


def run_states(store: Path) -> list[dict[str, Any]]:
    """One record a run: who it is, which rows need it, its state with its reason, its progress.

    Raises:
        InputError: there is no store.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for cell in read_cells(store):
        for name in filter(None, (cell.get("source"), cell["run"])):
            rows.setdefault(name, []).append(cell)
    return [_run_state(run_directory(store, name), cells) for name, cells in rows.items()]


def _run_state(directory: Path, cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    state = RunRecord(directory).state
    progress = RunRecord(directory).progress
    evaluates = {cell.get("source") for cell in cells if cell["run"] == directory.name}
    return {
        "run": directory.name,
        "source": next(iter(evaluates), None),
        **{key: cells[0][key] for key in ("task", "scale", "seed", "dataset", "split")},
        "rows": [{"table": cell["table"], "variant": cell["variant"]} for cell in cells],
        "state": state.name,
        "reason": state.reason,
        "host": state.host,
        "started": state.started,
        "finished": state.finished,
        **{key: progress.get(key) for key in ("phase", "iteration", "iterations", "loss", "eta_seconds")},
    }


def show_status(store: Path, console: Console) -> None:
    """Print a line for each of the store's runs and how many are in which state."""
    runs = run_states(store)
    lines = [("run", "evaluates", "rows", "task", "scale", "seed", "state", "progress")]
    for run in runs:
        rows = ", ".join(f"{row['table']} {row['variant']}" for row in run["rows"])
        identity = (run["run"], run["source"] or "", rows, run["task"], run["scale"], str(run["seed"]))
        lines.append((*identity, run["state"], _detail(run)))
    console.out("\n".join(aligned(lines)), highlight=False)
    count = Counter(run["state"] for run in runs)
    console.print(f"{len(runs)} runs: " + ", ".join(f"{count[state]} {state}" for state in STATES), highlight=False)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words as lines, their columns below each other; a table of rich takes a millisecond for each."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _detail(run: dict[str, Any]) -> str:
    if run["state"] in ("done", "planned"):
        return ""
    progress = progress_words(run) if run["phase"] else ""
    return "; ".join(filter(None, [run["reason"], progress]))

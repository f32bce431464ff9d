"""What a store holds and where each of its runs stands."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ablations.choice import choose
from ablations.running.progress import progress_words
from ablations.store.run_record import STATES, RunRecord
from ablations.store.runs import read_cells, run_directory
from ablations.terminal import Column, folded, on_one_line, others, table

SHORT = 8  # letters of a run's name
COLUMNS = (
    Column("run"),
    Column("evaluates"),
    Column("row", least=20),
    Column("task", once=True),
    Column("scale", once=True),
    Column("seed", right=True, once=True),
    Column("state", least=20),
)


def run_states(store: Path, tables: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One record a run: who it is, which rows need it, its state with its reason, its progress.

    Args:
        store: where the runs are.
        tables: whose rows to look at; all without.

    Raises:
        InputError: there is no store, or it has no row of a table.
    """
    cells = read_cells(store)
    known = dict.fromkeys(cell["table"] for cell in cells)
    chosen = {choose(table, known, "table") for table in tables} or set(known)
    rows: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        if cell["table"] not in chosen:
            continue
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


def show_status(runs: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print a line for each of a store's runs and how many are in which state."""
    lines = []
    length = shortest_names([run["run"] for run in runs])
    for run in runs:
        first, *more = run["rows"]
        row = f"{first['table']} {first['variant']}{others(len(more))}"
        identity = ((run["source"] or "")[:length], row, run["task"], run["scale"], str(run["seed"]))
        lines.append((run["run"][:length], *identity, f"{run['state']} {_detail(run)}".rstrip()))
    if runs:
        console.out("\n".join(table(COLUMNS, lines, console.width)), highlight=False)
    count = Counter(run["state"] for run in runs)
    console.out(f"{len(runs)} runs: " + ", ".join(f"{count[state]} {state}" for state in STATES), highlight=False)


def show_failed(runs: Sequence[Mapping[str, Any]], store: Path, console: Console) -> None:
    """Print the whole reason of each failed run, the rows that lack it, and where its log is."""
    for run in runs:
        rows = ", ".join(f"{row['table']} {row['variant']}" for row in run["rows"])
        identity = f"{run['run']}  {run['task']}, scale {run['scale']}, seed {run['seed']}: {rows}"
        log = RunRecord(run_directory(store, run["run"])).log
        for line in (identity, f"    {run['reason']}", f"    log: {log}" if log.exists() else ""):
            if line:
                console.out("\n".join(folded(on_one_line(line), console.width)), highlight=False)
    console.out(f"{len(runs)} failed", highlight=False)


def shortest_names(names: Sequence[str]) -> int:
    """How many letters of runs' names tell them apart, at least ``SHORT``; `m2f rerun` knows a run by so many."""
    lengths = range(SHORT, max(map(len, names), default=SHORT))
    apart = (length for length in lengths if len({name[:length] for name in names}) == len(set(names)))
    return next(apart, max(map(len, names), default=SHORT))


def _detail(run: Mapping[str, Any]) -> str:
    if run["state"] in ("done", "planned"):
        return ""
    progress = progress_words(run) if run["phase"] else ""
    return "; ".join(filter(None, [run["reason"], progress]))

"""What a sweep measured, from whatever holds it: a store, a packed store, a results frame as CSV, or a baseline."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ablations.comparing.made_otherwise import sentences
from ablations.gate.baseline_file import (
    BaselineFile,
    Evidence,
    Speed,
    TableBlock,
    TableRow,
    read_baseline_file,
    shortened,
)
from ablations.metric_names import is_name
from ablations.store.results_frame import Results, one_run_each, require_one_run_per_seed
from ablations.store.run_record import RunRecord
from ablations.store.sources import read_source
from m2f.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 4  # of values
DIGITS = 4  # of seconds and their ratios
MACHINE = ("processor", "gpus", "threads")  # what seconds must have in common to be compared
FACTS = (*MACHINE, "python", "torch")  # what a baseline keeps of an environment

Say = Callable[[str], None]
Metrics = dict[tuple[TableRow, str], dict[int, float]]


@dataclass(frozen=True)
class Finished:
    """What a run's directory tells beside its metrics.

    Attributes:
        losses: of training, by name; empty of an evaluation.
        seconds: of one training iteration, without data and evaluation; None of an evaluation.
        costs: of its model by name; empty of an evaluation, whose training has them.
        facts: commit, versions and machine.
    """

    losses: Mapping[str, float]
    seconds: float | None
    costs: Mapping[str, float]
    facts: Mapping[str, Any]

    @property
    def machine(self) -> tuple[Any, ...] | None:
        """What its seconds depend on; None if its record names no processor."""
        return tuple(self.facts.get(name) for name in MACHINE) if self.facts.get("processor") else None


def read_evidence(path: Path, say: Say = print) -> BaselineFile:
    """The evidence of a store or packed store (a directory), a results frame (``.csv``) or a baseline (any other file).

    Only a baseline has tolerances. ``say`` takes a sentence for each run that is left out, and each table of which
    not all runs were made alike.

    Raises:
        InputError: nothing is there, it is something else, or it holds no results.
    """
    if not path.exists():
        raise InputError(f"There is nothing at {path}; name a store, a results.csv or a baseline.")
    if path.is_dir() or path.suffix == ".csv":
        results = read_source(path)
        for sentence in (*results.left_out(), *sentences(results)):
            say(sentence)
        found = BaselineFile(evidence_of(results))
    else:
        found = read_baseline_file(path)
    if not found.evidence.rows:
        raise InputError(f"{path} holds no results; finish a sweep with `m2f run` first.")
    return found


def evidence_of(results: Results) -> Evidence:
    """What finished runs measured; where a run's numbers are all that is known, without costs, seconds and sources.

    Raises:
        InputError: one row and seed has several runs, or a run has components of a module that is not imported.
    """
    frame = results.frame
    metrics = _metrics(frame, results.place)
    counted: dict[str, dict[str, float]] = {}
    runs = {name: _finished(run, counted) for name, run in results.runs.items()}
    by_row: dict[TableRow, dict[int, Finished]] = {}
    for record in one_run_each(frame, results.runs).to_dict("records"):
        by_row.setdefault(_row(record), {})[int(record["seed"])] = runs[record["run"]]
    for row, seeds in by_row.items():
        for seed, run in seeds.items():
            for name, loss in run.losses.items():
                metrics.setdefault((row, name), {})[seed] = round(loss, DECIMALS)
    costs = {row: _agreed([run.costs for run in seeds.values() if run.costs]) for row, seeds in by_row.items()}
    return Evidence(metrics, {row: cost for row, cost in costs.items() if cost}, _speeds(by_row), _sources(by_row))


def _metrics(frame: "pd.DataFrame", place: str) -> Metrics:
    require_one_run_per_seed(frame, place)
    metrics: Metrics = {}
    for record in frame[frame["value"].notna()].to_dict("records"):
        row, metric = _row(record), str(record["metric"])
        if not all(map(is_name, (*row, metric))):
            raise InputError(f"{place} has {shortened((*row, metric))} as row and metric; give them names to print.")
        values = metrics.setdefault((row, metric), {})
        values[int(record["seed"])] = round(float(record["value"]), DECIMALS)
    return metrics


def _row(record: Mapping[Any, Any]) -> TableRow:
    return TableRow(*(str(record[name]) for name in TableRow._fields))


def _finished(run: RunRecord, counted: dict[str, dict[str, float]]) -> Finished:
    """What a finished run tells; ``counted`` remembers the costs of models."""
    if not run.recorded:
        return Finished({}, None, {}, {})
    commit = run.git.get("commit") and run.git["commit"] + (" with local changes" if run.git.get("dirty") else "")
    facts = {"commit": commit, **{name: run.environment[name] for name in FACTS if name in run.environment}}
    if run.source:
        return Finished({}, None, {}, facts)
    run.require_imported()
    return Finished(run.losses, _seconds(run), _costs(run.config, counted), facts)


def _seconds(run: RunRecord) -> float | None:
    with suppress(KeyError, TypeError):
        return run.seconds["train"] / run.config["train_cfg"]["max_iters"]
    return None


def _speeds(by_row: Mapping[TableRow, Mapping[int, Finished]]) -> dict[TableRow, Speed]:
    speeds = {}
    for row, seeds in by_row.items():
        seconds = [run.seconds for run in seeds.values() if run.seconds]
        if seconds:
            ratios = list(_ratios(seeds, by_row.get(row.reference, {}) if row.reference else {}))
            speeds[row] = Speed(_median(seconds), _median(ratios) if ratios else None)
    return speeds


def _ratios(seeds: Mapping[int, Finished], of_reference: Mapping[int, Finished]) -> Iterator[float]:
    """A row's seconds over those of its table's baseline row, seed by seed: of two machines they would tell nothing."""
    for seed in seeds.keys() & of_reference.keys():
        run, reference = seeds[seed], of_reference[seed]
        if run.seconds and reference.seconds and run.machine and run.machine == reference.machine:
            yield run.seconds / reference.seconds


def _median(values: Sequence[float]) -> float:
    return float(f"{median(values):.{DIGITS}g}")


def _costs(config: Mapping[str, Any], counted: dict[str, dict[str, float]]) -> dict[str, float]:
    key = json.dumps([config.get("model"), config.get("train_dataloader")], sort_keys=True)
    if key not in counted:
        # A model of one's own may be anything. Where a baseline has its costs, they will be missed.
        with suppress(Exception):
            counted[key] = count_costs(config)
    return counted.get(key, {})


def count_costs(config: Mapping[str, Any]) -> dict[str, float]:
    """Parameters and FLOPs of a config's model, as the suite computes it now, exactly.

    Without FLOPs where a config trains on images of any size, of which none is the one to count on.
    """
    from ablations.costs.counted import config_costs
    from m2f.cost import parameters
    from m2f.registered_types import require_registered

    require_registered({"model": config["model"]}, "the config")
    try:
        return config_costs(config, memory=False)
    except InputError:
        return {"params": parameters(config["model"]) / 1e6}


def _agreed(costs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The costs that all of a row's seeds have: of two models there is none."""
    first = costs[0] if costs else {}
    return {name: cost for name, cost in first.items() if all(own.get(name) == cost for own in costs)}


def _sources(by_row: Mapping[TableRow, Mapping[int, Finished]]) -> dict[TableBlock, dict[str, Any]]:
    """The facts of each block; what its runs do not agree on, as a list of all there is."""
    known: dict[TableBlock, dict[str, list[Any]]] = {}
    for row, seeds in by_row.items():
        of_block = known.setdefault(row.block, {})
        for run in seeds.values():
            for name, value in run.facts.items():
                values = of_block.setdefault(name, [])
                if value not in values:
                    values.append(value)
    return {
        block: {name: values[0] if len(values) == 1 else values for name, values in facts.items()}
        for block, facts in known.items()
        if facts
    }

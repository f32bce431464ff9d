"""What a sweep measured, from whatever holds it: a store, a results frame as CSV, or a baseline."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ablations.gate.baseline import Baseline, Block, Evidence, Row, read_baseline
from ablations.store.results_frame import COLUMNS, results_frame
from ablations.store.runs import read_identity, run_directory
from ablations.studies.users_rows import import_modules
from m2f.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from mmengine import Config

FIRST_LOSS, LAST_LOSS = "loss_first", "loss_last"  # of training, as logged first and last, means over mmengine's window
DECIMALS = 4  # of values
DIGITS = 4  # of seconds
FACTS = ("processor", "gpus", "threads", "python", "torch")  # what a baseline keeps of an environment

Metrics = dict[tuple[Row, str], dict[int, float]]


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


def read_evidence(path: Path) -> Baseline:
    """The evidence of a store (a directory), a results frame (``.csv``) or a baseline (any other file).

    A store and a results frame have no tolerances.

    Raises:
        InputError: nothing is there, it is something else, or it holds no results.
    """
    if not path.exists():
        raise InputError(f"There is nothing at {path}; name a store, a results.csv or a baseline.")
    if path.is_dir():
        found = Baseline(evidence_of_store(path))
    elif path.suffix == ".csv":
        found = Baseline(evidence_of_csv(path))
    else:
        found = read_baseline(path)
    if not found.evidence.rows:
        raise InputError(f"{path} holds no results; finish a sweep with `m2f run` first.")
    return found


def evidence_of_csv(path: Path) -> Evidence:
    """The metrics of a results frame that was written as CSV, such as a report's ``results.csv``.

    Raises:
        InputError: the file is something else, or one row and seed has several values.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype={"table": str, "variant": str, "seed": int, "value": float})
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a results frame ({error}); `m2f report` writes one, results.csv.") from error
    lacking = [column for column in COLUMNS if column not in frame]
    if lacking:
        raise InputError(f"{path} lacks the column '{lacking[0]}' of a results frame; `m2f report` writes one.")
    return Evidence(_metrics(frame, path))


def evidence_of_store(store: Path) -> Evidence:
    """What the finished runs of a store measured.

    Raises:
        InputError: there is no store, one row and seed has several runs, or a run needs a module that is not imported.
    """
    frame = results_frame(store)
    metrics = _metrics(frame, store)
    counted: dict[str, dict[str, float]] = {}
    runs = {name: _read_run(run_directory(store, name), counted) for name in frame["run"].unique()}
    by_row: dict[Row, dict[int, Finished]] = {}
    for record in frame.drop_duplicates([*Row._fields, "seed"]).to_dict("records"):
        by_row.setdefault(_row(record), {})[int(record["seed"])] = runs[record["run"]]
    seconds: dict[Row, float] = {}
    for row, seeds in by_row.items():
        for seed, run in seeds.items():
            for name, loss in run.losses.items():
                metrics.setdefault((row, name), {})[seed] = round(loss, DECIMALS)
        times = [run.seconds for run in seeds.values() if run.seconds]
        if times:
            seconds[row] = float(f"{median(times):.{DIGITS}g}")
    costs = {row: next(iter(seeds.values())).costs for row, seeds in by_row.items()}
    return Evidence(metrics, {row: cost for row, cost in costs.items() if cost}, seconds, _sources(by_row))


def _metrics(frame: "pd.DataFrame", path: Path) -> Metrics:
    metrics: Metrics = {}
    for record in frame[frame["value"].notna()].to_dict("records"):
        values = metrics.setdefault((_row(record), record["metric"]), {})
        seed = int(record["seed"])
        if seed in values:
            raise InputError(
                f"{path} holds several runs of {_row(record)}, seed {seed}, made from different configs; remove all "
                "but one, or keep them apart with --store."
            )
        values[seed] = round(float(record["value"]), DECIMALS)
    return metrics


def _row(record: Mapping[Any, Any]) -> Row:
    return Row(*(str(record[name]) for name in Row._fields))


def _read_run(directory: Path, counted: dict[str, dict[str, float]]) -> Finished:
    """What a finished run's directory tells; ``counted`` remembers the costs of models."""
    identity = read_identity(directory)
    environment, git = identity.get("environment", {}), identity.get("git", {})
    commit = git.get("commit") and git["commit"] + (" with local changes" if git.get("dirty") else "")
    facts = {"commit": commit, **{name: environment[name] for name in FACTS if name in environment}}
    if "source" in identity:
        return Finished({}, None, {}, facts)
    config = run_config(directory)
    return Finished(losses(directory), _seconds(directory, config), _costs(config, counted), facts)


def run_config(directory: Path) -> "Config":
    """A run's config; the modules of one's own that it names are imported.

    Raises:
        InputError: one of these is not to be found.
    """
    from mmengine import Config

    config = Config.fromfile(directory / "config.py", import_custom_modules=False)
    import_modules(config.get("custom_imports", {}).get("imports", ()))
    return config


def losses(directory: Path) -> dict[str, float]:
    """The training losses that a run logged first and last, means over mmengine's window; empty if it logged none.

    mmengine writes ``<start of the process>/vis_data/scalars.json``, a record a line; a run that went on has several.
    """
    records = []
    for path in directory.glob("*/vis_data/scalars.json"):
        for line in path.read_text().splitlines():
            with suppress(ValueError):
                record = json.loads(line)
                if "loss" in record:
                    records.append((record["step"], path.parent.parent.name, float(record["loss"])))
    return {FIRST_LOSS: min(records)[2], LAST_LOSS: max(records)[2]} if records else {}


def _seconds(directory: Path, config: "Config") -> float | None:
    with suppress(OSError, ValueError, KeyError):
        return json.loads((directory / "timing.json").read_text())["seconds"]["train"] / config.train_cfg.max_iters
    return None


def _costs(config: "Config", counted: dict[str, dict[str, float]]) -> dict[str, float]:
    key = json.dumps([config.get("model"), config.get("train_dataloader")], sort_keys=True)
    if key not in counted:
        # A model of one's own may be anything. Where a baseline has its costs, they will be missed.
        with suppress(Exception):
            counted[key] = count_costs(config.to_dict())
    return counted.get(key, {})


def count_costs(config: Mapping[str, Any]) -> dict[str, float]:
    """Parameters and FLOPs of a config's model, as the suite computes it now, exactly.

    Without FLOPs where a config trains on images of any size, of which none is the one to count on.
    """
    from ablations.costs.counted import config_costs
    from m2f.cost import parameters

    try:
        return config_costs(config, memory=False)
    except InputError:
        return {"params": parameters(config["model"]) / 1e6}


def _sources(by_row: Mapping[Row, Mapping[int, Finished]]) -> dict[Block, dict[str, Any]]:
    """The facts of each block; what its runs do not agree on, as a list of all there is."""
    known: dict[Block, dict[str, list[Any]]] = {}
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
    }

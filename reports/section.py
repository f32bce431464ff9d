"""One table at one scale: what was measured, and what is missing or out of the ordinary in it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import pandas as pd

from ablations.comparing.shared_seeds import BORROWED
from ablations.metric_names import primary_metric
from ablations.planning.scales import chosen_scale
from ablations.reports.text import listing, run_command
from ablations.store.results_frame import Cell
from ablations.store.run_record import RunRecord
from ablations.studies.study import Study
from m2f.config_files import read_config
from m2f.errors import InputError


@dataclass(frozen=True)
class Section:
    """One table at one scale: what was measured, beside what the paper says.

    Attributes:
        results: a results frame, with the seeds that its rows share with other tables (``borrowed``).
        scale_word: what names the scale on the command line.
        flops: multiply-accumulates of one forward pass by row, where the table is drawn against them.
        asked: the rows and seeds that sweeps were to fill, of this table and others.
    """

    study: Study
    scale: str
    results: pd.DataFrame
    comparison: pd.DataFrame
    paper: pd.DataFrame
    scale_word: str
    flops: Mapping[str, float] = field(default_factory=dict)
    asked: Set[Cell] = frozenset()


def metric_of(section: Section, task: str) -> str:
    """The metric by which the rows of the task are compared."""
    return primary_metric(section.study, task, section.results["metric"].unique())


def changes(section: Section, runs: Mapping[str, RunRecord]) -> dict[str, str]:
    """Overrides (KEY=VALUE) that the user gave these runs, beyond what their rows change; and which runs, if not all.

    What the scale has by itself, since it was changed to that, is none. Runs on other data than most are told likewise.
    """
    rows = {variation.name: variation for variation in section.study.variations}
    found: dict[str, dict[str, int]] = {}  # by change, the seeds of its runs by their names
    every = section.results[["variant", "seed", "run"]].drop_duplicates().to_dict("records")
    usual = usual_data(runs[of_row["run"]].identity for of_row in every)
    for of_row in every:
        row, identity = rows[of_row["variant"]], runs[of_row["run"]].identity
        given = {key: value for key, value in identity["overrides"].items() if row.overrides.get(key) != value}
        scale = scale_values(section.scale_word, row.dataset, identity["task"]) if given else {}
        own = [f"{key}={value}" for key, value in given.items() if value_at(scale, key) != value]
        if identity["data_fingerprint"] not in usual:
            own.append("data of other content")
        for change in own:
            found.setdefault(change, {})[of_row["run"]] = int(of_row["seed"])
    number = len({of_row["run"] for of_row in every})
    return {
        change: "" if len(of) == number else f" in {len(of)} of {number} runs ({_seeds(sorted(set(of.values())))})"
        for change, of in sorted(found.items())
    }


def usual_data(identities: Iterable[Mapping[str, Any]]) -> set[str]:
    """The fingerprints that most runs of their task, data set and split have, and what stands for an unknown one."""
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for identity in identities:
        place = (identity["task"], identity["dataset"], identity["split"])
        counts.setdefault(place, Counter())[identity["data_fingerprint"]] += bool(identity["data_fingerprint"])
    return {"", *(own.most_common(1)[0][0] for own in counts.values())}


@cache
def scale_values(word: str, dataset: str, task: str) -> dict[str, Any]:
    """The config that a scale has for a data set and a task; empty if it is not there."""
    try:
        return read_config(chosen_scale(word).config(dataset, task)).to_dict()
    except InputError:
        return {}


def value_at(values: Any, key: str) -> Any:
    """What stands at a dotted key, in which a number is a place in a list; None if nothing does."""
    for part in key.split("."):
        try:
            values = values[int(part)] if isinstance(values, list) else values[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return values


def imports(study: Study) -> list[str]:
    """The modules of a user's own that the study's rows come from."""
    return list(dict.fromkeys(module for variation in study.variations for module in variation.imports))


def missing(section: Section, task: str, overrides: list[str], store: str) -> list[dict[str, str]]:
    """What keeps the task's table from being whole, and the command that mends it, with the other runs' overrides.

    `store` is named in the command if it is not empty.
    """
    results = section.results[~section.results[BORROWED]]
    own = results[
        (results["task"] == task) & (results["metric"] == metric_of(section, task)) & results["value"].notna()
    ]
    seeds_of = {
        row.name: set(own.loc[own["variant"] == row.name, "seed"].astype(int)) for row in section.study.rows(task)
    }
    seeds = sorted(set.union(*seeds_of.values()))
    command = partial(
        run_command,
        section.study.table,
        section.scale_word,
        task,
        overrides=overrides,
        imports=imports(section.study),
        store=store,
    )
    if not seeds:
        return [{"text": f"The {task} task was not run", "command": command()}]
    gaps = []
    lacking = {
        variant: lost for variant, own in seeds_of.items() if (lost := _lacking(section, task, variant, own, seeds))
    }
    if lacking:
        text = "; ".join(f"{name} lacks {_seeds(lost)}" for name, lost in lacking.items())
        gaps.append({"text": f"In the {task} task, {text}", "command": command(seeds=seeds)})
    if len(seeds) < 2:
        more = [seeds[0] + offset for offset in range(3)]
        text = f"The {task} task was run with one seed, which tells no spread"
        gaps.append({"text": text, "command": command(seeds=more)})
    return gaps


def _lacking(section: Section, task: str, variant: str, own: set[int], seeds: list[int]) -> list[int]:
    """The seeds that a row was to have and has not; without one of its own, all that others have.

    Those above its last one it need not have been asked for: `m2f run --until` adds seeds where they are needed.
    """
    return [
        seed
        for seed in seeds
        if seed not in own
        and (not own or seed < max(own) or (section.study.table, section.scale, task, variant, seed) in section.asked)
    ]


def _seeds(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {listing(list(map(str, seeds)))}"

"""One table at one scale: what was measured, and what is missing or out of the ordinary in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from ablations.metric_names import primary_metric
from ablations.store.run_record import RunRecord
from ablations.studies.study import Study
from reports.text import listing, run_command


@dataclass(frozen=True)
class Section:
    """One table at one scale: what was measured, beside what the paper says.

    Attributes:
        scale_word: what names the scale on the command line.
        flops: multiply-accumulates of one forward pass by row, where the table is drawn against them.
    """

    study: Study
    scale: str
    results: pd.DataFrame
    comparison: pd.DataFrame
    paper: pd.DataFrame
    scale_word: str
    flops: Mapping[str, float] = field(default_factory=dict)


def metric_of(section: Section, task: str) -> str:
    """The metric by which the rows of the task are compared."""
    return primary_metric(section.study, task, section.results["metric"].unique())


def changes(section: Section, runs: Mapping[str, RunRecord]) -> list[str]:
    """Overrides (KEY=VALUE) that the user gave these runs, beyond what their rows of the table change."""
    own = {variation.name: variation.overrides for variation in section.study.variations}
    pairs = section.results[["variant", "run"]].drop_duplicates()
    found = {
        f"{key}={value}"
        for variant, run in zip(pairs["variant"], pairs["run"], strict=True)
        for key, value in runs[run].identity["overrides"].items()
        if own[variant].get(key) != value
    }
    return sorted(found)


def imports(study: Study) -> list[str]:
    """The modules of a user's own that the study's rows come from."""
    return list(dict.fromkeys(module for variation in study.variations for module in variation.imports))


def missing(section: Section, task: str, overrides: list[str], store: str) -> list[dict[str, str]]:
    """What keeps the task's table from being whole, and the command that mends it, with the other runs' overrides.

    `store` is named in the command if it is not empty.
    """
    metric = metric_of(section, task)
    comparison = section.comparison
    rows = comparison[(comparison["task"] == task) & (comparison["metric"] == metric)]
    seeds_of = {
        variant: set(map(int, names.split())) for variant, names in zip(rows["variant"], rows["seeds"], strict=True)
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
    lacking = {variant: sorted(set(seeds) - own) for variant, own in seeds_of.items() if set(seeds) - own}
    if lacking:
        text = "; ".join(f"{name} lacks {_seeds(lost)}" for name, lost in lacking.items())
        gaps.append({"text": f"In the {task} task, {text}", "command": command(seeds=seeds)})
    if len(seeds) < 2:
        more = [seeds[0] + offset for offset in range(3)]
        text = f"The {task} task was run with one seed, which tells no spread"
        gaps.append({"text": text, "command": command(seeds=more)})
    return gaps


def _seeds(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {listing(list(map(str, seeds)))}"

"""One table at one scale: what was measured, and what is missing or out of the ordinary in it."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from ablations.comparing.made_otherwise import changes as of_runs
from ablations.comparing.made_otherwise import made_runs
from ablations.comparing.shared_seeds import BORROWED
from ablations.metric_names import primary_metric
from ablations.reports.text import listing, run_command
from ablations.store.results_frame import Cell
from ablations.store.run_record import RunRecord
from ablations.studies.study import Study


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
    """What was changed of its runs beyond what their rows change; and which runs, if not all."""
    return of_runs(made_runs(section.results, runs, section.study), section.scale)


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

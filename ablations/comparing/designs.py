"""Any designs of a store side by side: metrics, a paired test, classes and images on which they differ most."""

import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from scipy import stats

from ablations.choice import did_you_mean
from ablations.comparing.made_otherwise import Made, changes
from ablations.comparing.statistics import mean_interval
from ablations.metric_names import CLASS_COLUMN, PRIMARY_METRIC
from ablations.planning.scales import SCALES
from ablations.store.results_frame import Results, one_run_each, require_one_run_per_seed
from ablations.store.run_record import RunRecord
from ablations.studies import STUDIES
from m2f.errors import InputError

ROUNDING = 1e-9  # differences that vary by less do not vary


@dataclass(frozen=True)
class Design:
    """A row of a table, with its run of each seed."""

    table: str
    variant: str
    runs: dict[int, RunRecord]

    @property
    def label(self) -> str:
        """How the command and its page call it."""
        return f"{self.table}:{self.variant}"


@dataclass(frozen=True)
class SideBySide:
    """Designs with the same task and scale, of which the first is what the others are compared with.

    The frames have a line for each metric, class or image and design. Columns: ``metric``, ``class`` or ``image``;
    ``design`` (label), ``mean, low, high, n`` over all its seeds; ``difference, difference_low, difference_high, pairs,
    p`` from the first over the seeds that both have, NaN for the first itself. Values in percent, attention masses as
    fractions. ``p`` is that of the two-sided paired t-test, NaN below two pairs and where the differences do not vary.

    Attributes:
        classes: those with the largest difference of any design first; empty if the runs keep no values by class.
        images: likewise; empty too if the runs are on other data, where the same id is another image.
        damaged: a sentence for each finished run of the store that was left out.
        changes: what was changed of the runs beyond what their rows change; and in which, if not in all.
        on_other_data: whether some of the runs are on data of other content than others.
    """

    task: str
    scale: str
    designs: list[Design]
    metrics: pd.DataFrame
    classes: pd.DataFrame
    images: pd.DataFrame
    damaged: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    on_other_data: bool = False


def compare_designs(found: Results, words: Sequence[str], task: str, scale: str | None) -> SideBySide:
    """Lay rows of tables side by side.

    Args:
        found: results that have their runs.
        words: two rows or more, each ``TABLE:ROW``, or ``ROW`` alone where it is a row of one table.
        task: of the runs.
        scale: of the runs; None for the only one of the store's, or ``mini``.

    Raises:
        InputError: fewer than two rows, a row that the store has no finished run of, or one that is meant by several
            tables.
    """
    scale = meant_scale(scale, found.frame["scale"])
    frame = found.frame[(found.frame["task"] == task) & (found.frame["scale"] == scale)]
    results = replace(found, frame=frame)
    designs = [chosen_design(word, results, task, scale) for word in words]
    designs = list({design.label: design for design in designs}.values())
    if len(designs) < 2:
        raise InputError("A comparison takes two rows or more, such as `m2f compare 4c:SMCA '4c:masked attention'`.")
    by_seed = [metrics_by_seed(frame, design) for design in designs]
    classes = details_by_seed(designs, lambda run: run.per_class(CLASS_COLUMN[task]))
    made = [made for design in designs for made in _made(design)]
    on_other_data = len({of.run.identity["data_fingerprint"] for of in made} - {""}) > 1
    images = [] if on_other_data else details_by_seed(designs, lambda run: run.per_image(PRIMARY_METRIC[task]))
    return SideBySide(
        task,
        scale,
        designs,
        differences("metric", designs, by_seed),
        largest_first("class", differences("class", designs, classes)),
        largest_first("image", differences("image", designs, images)) if images else pd.DataFrame(),
        found.damaged,
        tuple(f"{change}{where}" for change, where in changes(made, scale).items()),
        on_other_data,
    )


def _made(design: Design) -> list[Made]:
    rows = STUDIES[design.table].variations if design.table in STUDIES else ()
    row = next((row for row in rows if row.name == design.variant), None)
    return [Made(design.table, design.variant, row, seed, run) for seed, run in design.runs.items()]


def meant_scale(word: str | None, known: Iterable[str]) -> str:
    """The scale that a word means, which may be the path of its directory; without one the only one, or ``mini``."""
    names = list(dict.fromkeys(known))
    if word is None:
        return names[0] if len(names) == 1 else "mini"
    return next((name for name in names if name.lower() == Path(word).resolve().name.lower()), word)


def chosen_design(word: str, results: Results, task: str, scale: str) -> Design:
    """The row that a word names, see :func:`compare_designs`."""
    frame = results.frame
    rows = frame[["table", "variant"]].drop_duplicates().itertuples(index=False, name=None)
    by_label = {f"{table}:{variant}": (table, variant) for table, variant in rows}
    labels = [label for label, (_, variant) in by_label.items() if word.lower() in (label.lower(), variant.lower())]
    if len(labels) > 1:
        raise InputError(f"'{word}' is a row of several tables; name one of {', '.join(map(repr, labels))}.")
    if not labels:
        table = word.partition(":")[0]
        known = [label for label in by_label if label.startswith(f"{table}:")] or list(by_label)
        known_scale = scale in SCALES or scale in set(results.frame["scale"])
        command = ["m2f", "run", table, "--scale", scale, "--tasks", task, "--store", results.place]
        mend = f"; `{shlex.join(command)}` makes one" if table in STUDIES and known_scale else ""
        raise InputError(
            f"{results.place} has no finished run of '{word}' ({task}, {scale}){did_you_mean(word, by_label)}{mend}. "
            f"It has: {', '.join(known) or 'none'}."
        )
    table, variant = by_label[labels[0]]
    own = frame[(frame["table"] == table) & (frame["variant"] == variant)]
    require_one_run_per_seed(own, results.place)
    runs = one_run_each(own, results.runs)[["seed", "run"]].itertuples(index=False, name=None)
    return Design(table, variant, {int(seed): results.runs[name] for seed, name in runs})


def metrics_by_seed(results: pd.DataFrame, design: Design) -> pd.DataFrame:
    """A design's values, a line a metric and a column a seed."""
    own = results[(results["table"] == design.table) & (results["variant"] == design.variant)]
    own = own.drop_duplicates(["metric", "seed"])
    return own.pivot(index="metric", columns="seed", values="value").reindex(own["metric"].unique())


def details_by_seed(designs: Sequence[Design], column_of: Callable[[RunRecord], pd.Series]) -> list[pd.DataFrame]:
    """Each design's values from a table that its runs keep, a line a class or image and a column a seed.

    All are empty if any run keeps none: it is of an earlier version, or evaluates another run.
    """
    columns = [{seed: column_of(run) for seed, run in design.runs.items()} for design in designs]
    if any(column.empty for of_design in columns for column in of_design.values()):
        return [pd.DataFrame() for _ in designs]
    return [pd.DataFrame(of_design) for of_design in columns]


def differences(name: str, designs: Sequence[Design], by_seed: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """A frame of :class:`SideBySide` from each design's values, a line a key and a column a seed."""
    keys = dict.fromkeys(key for values in by_seed for key in values.index)
    records = []
    for key in keys:
        rows = [values.loc[key].dropna() if key in values.index else pd.Series(dtype=float) for values in by_seed]
        for place, (design, row) in enumerate(zip(designs, rows, strict=True)):
            own = mean_interval(row.tolist())
            paired = (row - rows[0]).dropna().tolist() if place else []
            difference = mean_interval(paired)
            records.append(
                {
                    name: key,
                    "design": design.label,
                    **dict(zip(("mean", "low", "high", "n"), (own.mean, own.low, own.high, own.n), strict=True)),
                    "difference": difference.mean,
                    "difference_low": difference.low,
                    "difference_high": difference.high,
                    "pairs": difference.n,
                    "p": paired_test(paired),
                }
            )
    frame = pd.DataFrame(records)
    return frame.astype(dict.fromkeys(frame.columns.difference([name, "design", "n", "pairs"]), float))


def paired_test(paired: Sequence[float]) -> float:
    """p of the two-sided one-sample t-test that differences are zero in the mean, NaN where it says nothing."""
    if len(paired) < 2 or max(paired) - min(paired) < ROUNDING:
        return math.nan
    return float(stats.ttest_1samp(paired, 0).pvalue)


def largest_first(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the keys first on which any design differs most from the first; ties in their order."""
    if frame.empty:
        return frame
    largest = frame["difference"].round(9).abs().groupby(frame[name]).transform("max").fillna(-1)
    return frame.assign(largest=largest).sort_values("largest", ascending=False, kind="stable").drop(columns="largest")

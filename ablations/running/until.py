"""Seeds where they are needed: more for those rows whose difference from the baseline is not known well enough.

After the seeds asked for, each row whose interval is too wide gets one seed more, and its table's baseline with it;
then all are measured again. Only widths are looked at, never the mean of the differences nor its sign: no row is
trained until it shows something. What has been decided is kept nowhere. It follows from the results, so that the same
command decides the same again and goes on behind what is done.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ablations.comparing.statistics import differences_of, paired_difference
from ablations.metric_names import primary_metric, unit
from ablations.planning.plan import Cell, Plan
from ablations.store.run_record import RunRecord, State
from ablations.store.runs import run_directory
from ablations.studies.study import Study

POINTS = {"%": 1.0, "fraction": 100.0}  # percentage points in one of a metric's unit

Row = tuple[str, str, str]  # table, task, variant
Metrics = dict[str, dict[str, float]]  # of runs that are done


@dataclass(frozen=True)
class Target:
    """When to stop.

    Attributes:
        points: half of a 95% interval, in percentage points, that is narrow enough.
        most: seeds of a row.
    """

    points: float
    most: int


@dataclass(frozen=True)
class Comparison:
    """A row beside its table's baseline.

    Attributes:
        rows: the row, and those of other tables that are the same two runs.
        metric: by which they are compared.
        seeds: all that were asked for.
        differences: of the seeds that both have done, in percentage points.
        failed: whether one of the two has not done the last seed.
        width: half of the interval of the mean difference; infinite where nothing tells it.
    """

    rows: tuple[Row, ...]
    metric: str
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    failed: bool
    width: float = math.inf

    @property
    def label(self) -> str:
        """How sentences call it."""
        table, task, variant = self.rows[0]
        more = f" (and {len(self.rows) - 1} more)" if len(self.rows) > 1 else ""
        return f"{table} {variant}, {task}{more}"


@dataclass
class Outcome:
    """What became of a sweep.

    Attributes:
        plan: all that was asked for and added.
        states: of its runs.
        comparisons: of its rows, as they stand in the end.
        added: by a comparison's first row, how wide it was before its first seed more.
    """

    plan: Plan
    states: dict[str, State]
    comparisons: list[Comparison] = field(default_factory=list)
    added: dict[Row, float] = field(default_factory=dict)


def half_widths(family: Mapping[Hashable, Sequence[float]]) -> dict[Hashable, float]:
    """Half the width of each comparison's interval from its differences; infinite where nothing tells a spread.

    Args:
        family: the differences of all comparisons with one task and metric.
    """
    widths = {key: difference.half_width() for key, difference in differences_of(family).items()}
    return {key: math.inf if width is None else width for key, width in widths.items()}


def until_known(
    plan: Plan,
    plan_of_seed: Callable[[int], Plan],
    target: Target,
    studies: Sequence[Study],
    store: Path,
    carry_out: Callable[[Plan], Mapping[str, State]],
    say: Callable[[str], object],
) -> Outcome:
    """Carry a plan out, and then seeds of those of its rows that are not known well enough.

    Args:
        plan: what is asked for.
        plan_of_seed: the same with another seed alone.
        target: when to stop.
        studies: the plan's.
        store: where the runs are.
        carry_out: does a plan's runs that are not done; their states by name.
        say: takes a sentence before each round.
    """
    outcome = Outcome(plan, dict(carry_out(plan)))
    while True:
        outcome.comparisons = measured(outcome.plan.cells, studies, store)
        wide = [one for one in outcome.comparisons if one.width > target.points]
        growing = [one for one in wide if len(one.seeds) < target.most and not one.failed]
        if not growing:
            return outcome
        say(
            f"{len(wide)} of {len(outcome.comparisons)} differences are known to ±{target.points:g} points or worse: "
            f"one seed more for {len(growing)}."
        )
        outcome.added = {one.rows[0]: one.width for one in growing} | outcome.added
        more = Plan(tuple(_more_cells(growing, outcome.plan, plan_of_seed, studies)))
        outcome.states |= carry_out(more)
        outcome.plan = Plan((*outcome.plan.cells, *more.cells))


def measured(cells: Sequence[Cell], studies: Sequence[Study], store: Path) -> list[Comparison]:
    """The comparisons of cells' rows with their tables' baselines."""
    by_row: dict[Row, dict[int, Cell]] = {}
    for cell in cells:
        # A row's training comes before what evaluates it once more.
        by_row.setdefault((cell.table, cell.run.task, cell.variant), {}).setdefault(cell.run.seed, cell)
    metrics = _metrics(cells, store)
    found: dict[Hashable, Comparison] = {}
    for study in studies:
        for task in dict.fromkeys(task for table, task, _ in by_row if table == study.table):
            own = {row: seeds for row, seeds in by_row.items() if row[:2] == (study.table, task)}
            names = {
                name for seeds in own.values() for cell in seeds.values() for name in metrics.get(cell.run.name, ())
            }
            metric = primary_metric(study, task, names)
            baseline = own.get((study.table, task, study.baseline), {})
            for row, seeds in own.items():
                both = sorted(seeds.keys() & baseline.keys())
                first = [of[both[0]].run.name for of in (seeds, baseline)] if both else []
                if len(set(first)) < 2:
                    continue  # the baseline itself, by whatever name
                key = (metric, *first)
                rows = (*found[key].rows, row) if key in found else (row,)
                found[key] = replace(_comparison(row, metric, seeds, baseline, metrics), rows=rows)
    return list(_with_widths(found))


def _metrics(cells: Sequence[Cell], store: Path) -> Metrics:
    records = [RunRecord(run_directory(store, name)) for name in dict.fromkeys(cell.run.name for cell in cells)]
    return {record.name: record.metrics for record in records if record.state.name == "done"}


def _comparison(
    row: Row, metric: str, seeds: Mapping[int, Cell], baseline: Mapping[int, Cell], metrics: Metrics
) -> Comparison:
    values = [
        {seed: metrics[cell.run.name][metric] for seed, cell in of.items() if metric in metrics.get(cell.run.name, {})}
        for of in (seeds, baseline)
    ]
    differences = tuple(POINTS[unit(metric)] * difference for difference in paired_difference(*values))
    last = max(seeds)
    failed = any(last not in of or of[last].run.name not in metrics for of in (seeds, baseline))
    return Comparison((row,), metric, tuple(sorted(seeds)), differences, failed)


def _with_widths(found: Mapping[Hashable, Comparison]) -> Iterator[Comparison]:
    """Each comparison with its width, among those of the same task and metric."""
    families: dict[Hashable, dict[Hashable, Sequence[float]]] = {}
    for key, one in found.items():
        families.setdefault((one.metric, one.rows[0][1]), {})[key] = one.differences
    widths = {key: width for family in families.values() for key, width in half_widths(family).items()}
    return (replace(one, width=widths[key]) for key, one in found.items())


def _more_cells(
    growing: Sequence[Comparison], plan: Plan, plan_of_seed: Callable[[int], Plan], studies: Sequence[Study]
) -> Iterator[Cell]:
    """The next seed of each row and of its table's baseline, seed by seed."""
    baselines = {study.table: study.baseline for study in studies}
    planned = {(cell.table, cell.run.task, cell.variant, cell.run.seed) for cell in plan.cells}
    wanted: dict[int, set[Row]] = {}
    for one in growing:
        of_seed = wanted.setdefault(one.seeds[-1] + 1, set())
        of_seed |= {(table, task, name) for table, task, row in one.rows for name in (row, baselines[table])}
    for seed in sorted(wanted):
        for cell in plan_of_seed(seed).cells:
            row = (cell.table, cell.run.task, cell.variant)
            if row in wanted[seed] and (*row, seed) not in planned:
                yield cell


def account(outcome: Outcome, target: Target) -> Iterator[str]:
    """What was added and why, and what is still not known well enough."""
    wide = [one for one in outcome.comparisons if one.width > target.points]
    number = len(outcome.comparisons)
    yield (
        f"{number - len(wide)} of {number} differences from a baseline are known to ±{target.points:g} points. Seeds "
        f"were added to {len(outcome.added)} by the width of the interval alone, whatever the difference."
    )
    for one in outcome.comparisons:
        if one.rows[0] in outcome.added:
            before = _points(outcome.added[one.rows[0]])
            yield f"added: {one.label}: {before} -> {_points(one.width)} points with {len(one.seeds)} seeds"
    for one in wide:
        why = "a run of its last seed is not done" if one.failed else f"it has the {target.most} seeds of --max-seeds"
        yield f"still wider: {one.label}: {_points(one.width)} points; {why}"


def _points(width: float) -> str:
    return f"±{width:.2f}" if math.isfinite(width) else "unknown"

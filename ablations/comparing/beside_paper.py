"""Our results beside the paper's: one tidy comparison frame a scale, with a verdict on every row."""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ablations.comparing.over_images import Parts, image_interval
from ablations.comparing.same_design import design_of
from ablations.comparing.statistics import Difference, Estimate, differences_of, mean_interval, paired_difference
from ablations.comparing.verdicts import FRACTION, MARGIN, Comparison, Judgement, judge
from ablations.metric_names import COST_METRICS, primary_metric, unit
from ablations.store.results_frame import require_one_run_per_seed
from ablations.studies import WITHOUT_CLAIMS
from ablations.studies.study import Study, Variation

BASELINE = "baseline"

# The paper trained each row once. How far others came out from published numbers when they trained the same model
# again: COCO's AP 43.7 gave 43.2 to 43.5 and PQ 51.9 gave 51.5 (facebookresearch/Mask2Former issue 46, Mask DINO's
# Table 1), ADE20K's mIoU 47.2 gave 46.1 in the mean of three, Mask DINO's 48.7 gave 46.6 (IDEA-Research/MaskDINO 89).
PAPER_NOISE = {("coco", "AP"): 0.5, ("coco", "PQ"): 0.5, ("ade20k", "mIoU"): 2.0}
ROUNDING = 1e-9
LEAST = 10.0  # points of a baseline beside which a small difference says anything: what has learnt nothing is alike

PartsOf = Callable[[str, str], Parts | None]
Runs = dict[int, tuple[float, str]]  # by seed, a row's value and run

COLUMNS = [
    "table",
    "scale",
    "variant",
    "task",
    "metric",
    "unit",
    "comparison",
    "paper",
    "ours",
    "low",
    "high",
    "n",
    "seeds",
    "paper_difference",
    "within_paper_noise",
    "difference",
    "difference_low",
    "difference_high",
    "pairs",
    "images_low",
    "images_high",
    "visible",
    "small",
    "verdict",
    "provenance",
]


@dataclass(frozen=True)
class _Row:
    """A row of a table beside its baseline, by one metric."""

    study: Study
    variation: Variation
    task: str
    metric: str
    primary: bool
    paper: float
    paper_difference: float
    paper_noise: float
    values: Runs
    baseline: Runs

    @property
    def kind(self) -> tuple[str, str]:
        """What rows of one scale must share for their spreads to be alike."""
        return self.task, self.metric

    @property
    def is_baseline(self) -> bool:
        return self.variation.name == self.study.baseline

    @property
    def papers(self) -> bool:
        """Whether the paper claims a difference; one that followers print, or of data sets, is none of its claims."""
        return self.study.table not in WITHOUT_CLAIMS and not math.isnan(self.paper_difference)

    @property
    def margin(self) -> float:
        """Below which its difference counts as small."""
        return margin_beside(mean_interval([self.baseline[seed][0] for seed in self.paired]).mean, self.metric)

    @property
    def key(self) -> Hashable:
        """Which runs are compared with which: rows of several tables that are the same runs have one key."""
        pairs = tuple((seed, self.values[seed][1], self.baseline[seed][1]) for seed in sorted(self.paired))
        return (*self.kind, pairs)

    @property
    def differences(self) -> list[float]:
        values, baseline = ({seed: value for seed, (value, _) in own.items()} for own in (self.values, self.baseline))
        return paired_difference(values, baseline)

    @property
    def paired(self) -> set[int]:
        """The seeds that row and baseline share."""
        return self.values.keys() & self.baseline.keys()


def comparison_frame(
    results: pd.DataFrame,
    paper: pd.DataFrame,
    studies: Iterable[Study],
    scale: str,
    parts_of: PartsOf = lambda run, metric: None,
) -> pd.DataFrame:
    """Lay the results of studies at one scale beside the paper's numbers.

    One row for each variation, its tasks and metric that the paper gives for the study (the primary metric always and
    first), in the study's order, whether or not it has been run. The paper's numbers are those of the variation's
    `paper_row`, `method` and `backbone`. `ours, low, high` are the mean over seeds and its 95% Student interval, `n`
    the number of `seeds` (space-separated); differences are from the study's baseline, ours paired by seed over
    `pairs` seeds, with the interval that ``ablations.comparing.statistics.differences_of`` gives.
    `images_low, images_high` are the interval over images of the same difference, of these trained models alone, where
    `parts_of` knows what each image gives to the metric of a run, ``[I, parts, K]``. `within_paper_noise` says whether
    the paper's difference is no larger than what its model's numbers move by when it is trained again. `verdict`,
    `visible`, the least difference that would have shown, and `small`, the largest that would have been small, are
    those of ``ablations.comparing.verdicts.judge``; or the verdict is the word 'baseline' in the baseline's rows.
    `comparison` names the first row that compares the same runs, or would; of those the first that has been run, if
    there is one. Numbers that do not exist are NaN.

    Give all studies that have results at the scale: their rows tell together what spread is usual, and the verdicts are
    corrected for their number. Primary metrics are one family, further metrics another. The rows of which the paper
    claims no difference are apart in both, so that no row of one's own changes what is said of the paper's. For rows of
    several tables that are the same runs to have the same seeds, see ``ablations.comparing.shared_seeds``.

    Raises InputError when two different runs of one variation share task and seed, since they may not be averaged.
    """
    rows = [row for study in studies for row in _rows(results, paper, study, scale)]
    found = _differences(rows)
    judged = _judgements(rows, found)
    names = _first_names(rows, scale)
    return pd.DataFrame(
        [
            {**_record(row, scale, found[row.key], judged.get(number), parts_of), "comparison": names[number]}
            for number, row in enumerate(rows)
        ],
        columns=COLUMNS,
    )


def margin_of(metric: str) -> float:
    """Below which a difference in a metric counts as small, in the metric's unit."""
    return MARGIN if unit(metric) == "%" else MARGIN * FRACTION


def margin_beside(reached: float, metric: str) -> float:
    """The same, of what a baseline has reached: zero, so that nothing is small, where that is little or unknown."""
    return margin_of(metric) if reached >= LEAST * margin_of(metric) / MARGIN else 0.0


def _rows(results: pd.DataFrame, paper: pd.DataFrame, study: Study, scale: str) -> Iterator[_Row]:
    ours = results[(results["table"] == study.table) & (results["scale"] == scale)]
    require_one_run_per_seed(ours, "the store")
    numbers, datasets = paper_numbers(paper, study), _datasets(paper, study)
    measured = ours["metric"].unique()
    baseline = next(variation for variation in study.variations if variation.name == study.baseline)
    for task in study.tasks:
        primary = primary_metric(study, task, measured)
        for metric in _metrics(numbers, task, primary):
            baseline_values = _values_by_seed(ours, baseline, task, metric)
            baseline_paper = numbers.get((baseline.name, task, metric), math.nan)
            noise = min((PAPER_NOISE.get((name, metric), 0.0) for name in datasets.get(task, ())), default=0.0)
            for variation in study.rows(task):
                paper_value = numbers.get((variation.name, task, metric), math.nan)
                yield _Row(
                    study=study,
                    variation=variation,
                    task=task,
                    metric=metric,
                    primary=metric == primary,
                    paper=paper_value,
                    paper_difference=paper_value - baseline_paper,
                    paper_noise=noise,
                    values=_values_by_seed(ours, variation, task, metric),
                    baseline=baseline_values,
                )


def _first_names(rows: list[_Row], scale: str) -> list[str]:
    """By row, the table and the name of the first one that compares the same runs, or would.

    Where there are no runs to tell that, the designs do.
    """
    every_run = all(row.paired for row in rows)
    designs = [row.key for row in rows] if every_run else list(_designs(rows, scale))
    keys = [row.key if row.paired else design for row, design in zip(rows, designs, strict=True)]
    first: dict[Hashable, str] = {}
    for number in sorted(range(len(rows)), key=lambda number: not rows[number].paired):
        name = first.setdefault(keys[number], f"{rows[number].study.table} {rows[number].variation.name}")
        first.setdefault(designs[number], name)
    return [first[key] for key in keys]


def _designs(rows: list[_Row], scale: str) -> Iterator[Hashable]:
    """By row, which designs are compared by which metric."""
    known: dict[tuple[str, str, str], str] = {}
    for row in rows:
        baseline = next(each for each in row.study.variations if each.name == row.study.baseline)
        for variation in (row.variation, baseline):
            key = (row.study.table, variation.name, row.task)
            if key not in known:
                known[key] = design_of(row.study, variation, row.task, scale)
        yield (*row.kind, *(known[row.study.table, name, row.task] for name in (row.variation.name, baseline.name)))


def _differences(rows: list[_Row]) -> dict[Hashable, Difference]:
    """Our mean differences by what is compared, each with the spread that is usual for its task and metric.

    That is told by the comparisons that the paper has a difference for, wherever else they stand, and by the others,
    each among themselves.
    """
    papers = {row.key for row in rows if row.papers}
    families: dict[tuple[str, str, bool], dict[Hashable, list[float]]] = {}
    for row in rows:
        families.setdefault((*row.kind, row.key in papers), {})[row.key] = row.differences
    return {key: of for family in families.values() for key, of in differences_of(family).items()}


def _judgements(rows: list[_Row], found: dict[Hashable, Difference]) -> dict[Hashable, Judgement]:
    """By the number of each row that is not its study's baseline.

    What the paper claims a difference of is a family; the others are one, in which runs that the first has too are not
    tested again.
    """
    judged: dict[Hashable, Judgement] = {}
    for primary in (True, False):
        of_metrics = {number: row for number, row in enumerate(rows) if row.primary == primary and not row.is_baseline}
        tested: dict[Hashable, Judgement] = {}
        for papers in (True, False):
            family: dict[Hashable, Comparison] = {
                number: Comparison(row.key, found[row.key], row.paper_difference if papers else math.nan, row.margin)
                for number, row in of_metrics.items()
                if row.papers == papers
            }
            judged |= judge(family, tested=tested)
            for number, of in family.items():
                if of.key not in tested or math.isnan(tested[of.key].small_level):
                    tested[of.key] = judged[number]
    return judged


def _record(
    row: _Row, scale: str, difference: Difference, judged: Judgement | None, parts_of: PartsOf
) -> dict[str, Any]:
    values = [value for value, _ in row.values.values()]
    # A baseline lies at no distance from itself, which is known without a spread.
    zero = Estimate(0.0, 0.0, 0.0, difference.n)
    interval = zero if row.is_baseline and difference.n else difference.interval()
    images_low, images_high = _over_images(row, parts_of)
    return {
        "table": row.study.table,
        "scale": scale,
        "variant": row.variation.name,
        "task": row.task,
        "metric": row.metric,
        "unit": unit(row.metric),
        "paper": row.paper,
        **_bounds(mean_interval(values), "ours", "low", "high", "n"),
        "seeds": " ".join(map(str, sorted(row.values))),
        "paper_difference": row.paper_difference,
        "within_paper_noise": not row.is_baseline and abs(row.paper_difference) <= row.paper_noise + ROUNDING,
        **_bounds(interval, "difference", "difference_low", "difference_high", "pairs"),
        "images_low": images_low,
        "images_high": images_high,
        "visible": judged.visible if judged else math.nan,
        "small": judged.small if judged else math.nan,
        "verdict": judged.verdict if judged else BASELINE,
        "provenance": row.variation.provenance,
    }


def _over_images(row: _Row, parts_of: PartsOf) -> tuple[float, float]:
    """The interval over images of a row's difference; NaN where a run does not keep what it takes."""
    if row.is_baseline:
        return math.nan, math.nan
    rows, baselines = (
        {seed: parts_of(of_side[seed][1], row.metric) for seed in sorted(row.paired)}
        for of_side in (row.values, row.baseline)
    )
    return image_interval(rows, baselines) or (math.nan, math.nan)


def _datasets(paper: pd.DataFrame, study: Study) -> dict[str, set[str]]:
    """The paper's data sets of a study by task."""
    of_table = paper[paper["table"] == study.table]
    return {str(task): set(own["dataset"]) for task, own in of_table.groupby("task")}


def paper_numbers(paper: pd.DataFrame, study: Study) -> dict[tuple[str, str, str], float]:
    """The paper's accuracy numbers of a study by (name of our row, task, metric)."""
    of_table = paper[(paper["table"] == study.table) & ~paper["metric"].isin(COST_METRICS)]
    numbers: dict[tuple[str, str, str], float] = {}
    for variation in study.variations:
        same = (
            (of_table["variant"] == of_table["task"].map(variation.named_by_the_paper))
            & ((of_table["dataset"] == variation.dataset) | (variation.dataset == ""))
            & (of_table["method"] == variation.method)
            & (of_table["backbone"] == variation.backbone)
        )
        for row in of_table[same].to_dict("records"):
            key = (variation.name, row["task"], row["metric"])
            if key in numbers:
                raise ValueError(f"the paper's table {study.table} gives several numbers for {', '.join(key)}")
            numbers[key] = float(row["value"])
    return numbers


def _metrics(numbers: dict[tuple[str, str, str], float], task: str, primary: str) -> list[str]:
    """The task's primary metric, then whatever else the paper gives for the task, in the paper's order."""
    return list(dict.fromkeys([primary, *(metric for _, of_task, metric in numbers if of_task == task)]))


def _values_by_seed(results: pd.DataFrame, variation: Variation, task: str, metric: str) -> Runs:
    """Values and runs of one row by seed; an undefined value (NaN: say, AP of a size that no object has) is none."""
    chosen = results[
        (results["variant"] == variation.name)
        & (results["task"] == task)
        & (results["metric"] == metric)
        & results["value"].notna()
    ]
    values = zip(chosen["value"].astype(float), chosen["run"].astype(str), strict=True)
    return dict(zip(chosen["seed"].astype(int), values, strict=True))


def _bounds(estimate: Estimate, mean: str, low: str, high: str, count: str) -> dict[str, float]:
    return {
        mean: estimate.mean,
        low: math.nan if estimate.low is None else estimate.low,
        high: math.nan if estimate.high is None else estimate.high,
        count: estimate.n,
    }

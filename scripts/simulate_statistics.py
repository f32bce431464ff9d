"""Simulate what the intervals, verdicts and the regression gate promise, and print it as tables.

    python scripts/simulate_statistics.py [--families 2000]

A family is 28 rows beside one baseline in each of three tasks, as the paper's Tables 4, 5, XI and XII have them. Runs
of most rows spread by about 0.8 between seeds, so that differences spread by about 1.1; six rows spread by 3 to 8, as
those do that learn late (``reports/reference/results.csv``). Errors are normal, Student's t with 3 degrees of freedom,
or normal with one in ten five times as large. `docs/how-numbers-are-computed.md` and `docs/regression-gate.md` show
the tables.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ablations.comparing.statistics import MOST_DEGREES
from ablations.comparing.usual_spread import MOST_DEGREES as MOST_OF_GATE
from ablations.comparing.usual_spread import shared_variance
from ablations.comparing.verdicts import ERROR_RATE, MARGIN
from ablations.gate.regression import ERROR_RATE as GATE_ERROR_RATE

TASKS, ROWS, WIDE = 3, 28, 6  # the first rows of a task are those that spread widely
SPREAD, DIFFER = 0.8, 0.3  # of most rows' runs: the median, and of its logarithm between rows
ERRORS = ("normal", "t3", "outliers")
SEEDS = (1, 2, 3, 4, 5, 8)
MANY = 5  # seeds of the other rows where one row has one
Array = NDArray[np.float64]


def errors(kind: str, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Errors of one of the kinds in ``ERRORS``; of the normal part the variance is 1."""
    if kind == "t3":
        return generator.standard_t(3, shape) / np.sqrt(3)
    normal = generator.standard_normal(shape)
    return np.where(generator.random(shape) < 0.1, 5 * normal, normal) if kind == "outliers" else normal


def spreads(families: int, generator: np.random.Generator, wide: int = WIDE) -> Array:
    """Standard deviations of each row's runs ``[families, TASKS, ROWS]``."""
    found = SPREAD * np.exp(DIFFER * generator.standard_normal((families, TASKS, ROWS)))
    found[..., :wide] = generator.uniform(3, 8, found[..., :wide].shape)
    return found


def paired_differences(kind: str, seeds: int, families: int, generator: np.random.Generator, wide: int = WIDE) -> Array:
    """Of rows that are no different from their baseline, which they share: ``[families, TASKS, ROWS, seeds]``."""
    rows = spreads(families, generator, wide)[..., None] * errors(kind, (families, TASKS, ROWS, seeds), generator)
    return rows - SPREAD * errors(kind, (families, TASKS, 1, seeds), generator)


@dataclass(frozen=True)
class Tested:
    """Mean differences, their standard errors and degrees of freedom, ``[families, TASKS, ROWS]`` each."""

    mean: Array
    error: Array
    degrees: Array

    @property
    def chance(self) -> Array:
        """Two-sided, if there is no difference."""
        return 2 * np.asarray(stats.t.sf(np.abs(self.mean) / self.error, self.degrees))

    def half_width(self, level: Array | float = ERROR_RATE) -> Array:
        """Of the two-sided interval."""
        return np.asarray(stats.t.isf(np.asarray(level) / 2, self.degrees)) * self.error


def moderated(differences: Array, others: Array | None = None, most: float = MOST_DEGREES) -> Tested:
    """``ablations.comparing.statistics.differences_of``, for all families at once.

    Args:
        differences: ``[..., ROWS, seeds]``.
        others: those that tell what is usual, if not the same: a row is left out for itself.
        most: the degrees of freedom that the others weigh at most.
    """
    seeds = differences.shape[-1]
    source = differences if others is None else others
    variances = source.var(axis=-1, ddof=1)
    left_out = np.array([[other for other in range(ROWS) if other != row] for row in range(ROWS)])
    usual, worth = shared_variance(variances[..., left_out], np.array(source.shape[-1] - 1.0), most)
    own = differences.var(axis=-1, ddof=1) if seeds > 1 else np.zeros(differences.shape[:-1])
    degrees = worth + seeds - 1
    variance = (usual * worth + own * (seeds - 1)) / degrees
    return Tested(differences.mean(axis=-1), np.sqrt(variance / seeds), degrees)


def students(differences: Array) -> Tested:
    """The paired t-test of each row by itself."""
    seeds = differences.shape[-1]
    error = differences.std(axis=-1, ddof=1) / np.sqrt(seeds)
    return Tested(differences.mean(axis=-1), error, np.full(error.shape, seeds - 1.0))


def moderated_parts(differences: Array, seeds: NDArray[np.int_]) -> Tested:
    """:func:`moderated` of rows that have not all as many seeds: the first ``seeds`` ``[...]`` of each, two or more."""
    had = np.arange(differences.shape[-1]) < seeds[..., None]
    means = differences.mean(axis=-1, where=had)
    variances = differences.var(axis=-1, ddof=1, where=had)
    left_out = np.array([[other for other in range(ROWS) if other != row] for row in range(ROWS)])
    usual, worth = shared_variance(variances[..., left_out], seeds[..., left_out] - 1.0, MOST_DEGREES)
    degrees = np.asarray(worth + seeds - 1, float)
    variance = (usual * worth + variances * (seeds - 1)) / degrees
    return Tested(means, np.sqrt(variance / seeds), degrees)


def with_more_seeds(
    differences: Array, first: int, enough: Callable[[Tested], NDArray[np.bool_]]
) -> tuple[Tested, NDArray[np.int_]]:
    """Rows that begin with ``first`` seeds and get one more while they have not enough, tested; their seeds.

    ``m2f run --until`` has enough where the interval is narrow.
    """
    seeds = np.full(differences.shape[:-1], first)
    while True:
        tested = moderated_parts(differences, seeds)
        growing = ~enough(tested) & (seeds < differences.shape[-1])
        if not growing.any():
            return tested, seeds
        seeds = seeds + growing


def narrow(points: float) -> Callable[[Tested], NDArray[np.bool_]]:
    """Whether an interval is at most so many points to each side; the mean plays no part."""
    return lambda tested: tested.half_width() <= points


def rejected(chances: Array, rate: float = ERROR_RATE) -> NDArray[np.bool_]:
    """Benjamini and Hochberg's procedure over the last axis."""
    number = chances.shape[-1]
    ordered = np.sort(chances, axis=-1)
    passed = ordered <= rate * np.arange(1, number + 1) / number
    last = number - np.argmax(passed[..., ::-1], axis=-1)
    limit = np.where(passed.any(axis=-1), rate * last / number, -1.0)
    return np.asarray(chances <= limit[..., None])


def drawn(kind: str, seeds: int, families: int, generator: np.random.Generator, wide: int = WIDE) -> Tested:
    """Differences of families without any, tested; where rows have one seed, others tell what is usual with ``MANY``.

    Those are other draws of rows with the same spreads.
    """
    if seeds > 1:
        return moderated(paired_differences(kind, seeds, families, generator, wide))
    several = paired_differences(kind, MANY + 1, families, generator, wide)
    return moderated(several[..., :1], several[..., 1:])


def false_reproduced(tested: Tested, corrected: bool = True) -> float:
    """How often a family without any difference has a row called reproduced; the paper's side is as good as drawn."""
    flat = tested.chance.reshape(len(tested.chance), -1)
    found = rejected(flat) if corrected else flat <= ERROR_RATE
    side = np.arange(flat.shape[-1]) % 2 * 2 - 1
    return float((found & (np.sign(tested.mean).reshape(flat.shape) == side)).any(axis=-1).mean())


def coverage(tested: Tested, rows: slice = slice(None)) -> float:
    """How often the 95% interval holds the truth, which is zero, over the rows chosen."""
    return float((tested.chance > ERROR_RATE)[..., rows].mean())


def interval_lines(families: int, generator: np.random.Generator) -> Iterator[str]:
    """How often intervals hold the truth, how wide they are, and how often a row is called reproduced wrongly."""
    yield "| Seeds | Errors | All rows alike | Six wide | Of these | Half-width | False *reproduced* | Uncorrected |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    for seeds in SEEDS:
        for kind in ERRORS:
            alike, mixed = drawn(kind, seeds, families, generator, wide=0), drawn(kind, seeds, families, generator)
            half = np.median(mixed.half_width()[..., WIDE:])
            naive = "-"
            if seeds > 1:
                by_row = students(paired_differences(kind, seeds, families, generator))
                naive = f"{false_reproduced(by_row, corrected=False):.0%}"
            yield (
                f"| {seeds} | {kind} | {coverage(alike):.1%} | {coverage(mixed):.1%} | "
                f"{coverage(mixed, slice(WIDE)):.0%} | {half:.2f} | {false_reproduced(mixed):.1%} | {naive} |"
            )


def power_lines(families: int, generator: np.random.Generator) -> Iterator[str]:
    """What shows of rows that spread as most do: one in three differs from the baseline by 3 points, the rest not."""
    yield "| Seeds | Visible | Of 3 points, shown | Of none, *as small* | Of the margin, *as small* |"
    yield "|---:|---:|---:|---:|---:|"
    truth = np.where(np.arange(ROWS) % 3 == 0, 3.0, 0.0)
    for seeds in (2, 3, 5, 8, 12):
        tested = shifted(moderated(paired_differences("normal", seeds, families, generator)), truth)
        shown = over_families(tested.chance)
        ordinary = np.arange(ROWS) >= WIDE
        visible = tested.half_width(limits(tested.chance))
        edge = shifted(moderated(paired_differences("normal", seeds, families, generator)), MARGIN)
        yield (
            f"| {seeds} | {np.median(visible[..., ordinary]):.1f} | {shown[..., ordinary & (truth > 0)].mean():.0%} | "
            f"{small(tested)[..., ordinary & (truth == 0)].mean():.0%} | {small(edge).mean():.1%} |"
        )


def shifted(tested: Tested, truth: Array | float) -> Tested:
    """The same draws of rows that differ from their baseline by ``truth``."""
    return Tested(tested.mean + truth, tested.error, tested.degrees)


def over_families(chances: Array) -> NDArray[np.bool_]:
    """Which are rejected, all rows of all tasks of a family together."""
    return rejected(chances.reshape(len(chances), -1)).reshape(chances.shape)


def limits(chances: Array) -> Array:
    """The level at which a further row would be rejected, ``ablations.comparing.statistics.levels`` nearly."""
    number = chances[0].size
    found = over_families(chances).sum(axis=(1, 2), keepdims=True)
    return np.broadcast_to(ERROR_RATE * np.minimum(found + 1, number) / number, chances.shape)


def small(tested: Tested) -> NDArray[np.bool_]:
    """Which rows are surely within the margin."""
    return over_families(np.asarray(stats.t.sf((MARGIN - np.abs(tested.mean)) / tested.error, tested.degrees)))


def until_lines(families: int, generator: np.random.Generator) -> Iterator[str]:
    """What becomes of the error rates where seeds are added until intervals are narrow: ``m2f run --until 1.0``."""
    yield "| First seeds | At most | Errors | Seeds in the mean | Intervals that hold the truth | False *reproduced* |"
    yield "|---:|---:|---|---:|---:|---:|"
    for first, most in ((3, 16), (5, 8)):
        for kind in ERRORS:
            differences = paired_differences(kind, most, families, generator)
            tested, seeds = with_more_seeds(differences, first, narrow(1.0))
            yield (
                f"| {first} | {most} | {kind} | {seeds.mean():.1f} | {coverage(tested):.1%} | "
                f"{false_reproduced(tested):.1%} |"
            )


def gate_lines(checks: int, generator: np.random.Generator) -> Iterator[str]:
    """How often a check of 28 unchanged rows of one task flags any; ``ablations.gate.moderated_t_test`` for all."""
    yield "| Seeds of the baseline | of the sweep | " + " | ".join(ERRORS) + " |"
    yield "|---:|---:|" + "---:|" * len(ERRORS)
    for old, new in ((5, 1), (5, 2), (5, 3), (3, 1), (3, 3)):
        alarms = (false_alarms(kind, old, new, checks, generator) for kind in ERRORS)
        yield f"| {old} | {new} | " + " | ".join(f"{alarm:.1%}" for alarm in alarms) + " |"


def false_alarms(kind: str, old: int, new: int, checks: int, generator: np.random.Generator) -> float:
    """The share of checks that flag a row as worse, at half of the gate's error rate, as for tables' own metrics."""
    spread = spreads(checks, generator)[:, 0, :, None]
    values = spread * errors(kind, (checks, ROWS, old + new), generator)
    before, after = values[..., :old], values[..., old:]
    usual, worth = shared_variance(before.var(axis=-1, ddof=1), np.array(old - 1.0), MOST_OF_GATE)
    squares = before.var(axis=-1) * old + after.var(axis=-1) * new
    degrees = old + new - 2 + worth[:, None]
    variance = (squares + (usual * worth)[:, None]) / degrees
    lower = (after.mean(axis=-1) - before.mean(axis=-1)) / np.sqrt(variance * (1 / old + 1 / new))
    # The first step of Holm's procedure, on which any rejection hangs.
    return float((stats.t.cdf(lower, degrees).min(axis=-1) <= GATE_ERROR_RATE / 2 / ROWS).mean())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Simulate what intervals, verdicts and the regression gate promise.")
    parser.add_argument("--families", type=int, default=2000)
    families = parser.parse_args().families
    for number, lines in enumerate((interval_lines, power_lines, gate_lines, until_lines)):
        print("", *lines(families, np.random.default_rng(number)), sep="\n")


if __name__ == "__main__":
    main()

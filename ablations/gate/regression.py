"""The regression gate: a sweep beside a baseline, row by row and metric by metric.

- **Metrics** are tested one-sided against the spread between seeds (``ablations.gate.moderated_t_test``), with Holm's
  correction over all comparisons of a check, or held to a tolerance where the baseline gives one. The metric that a
  table is about takes half of the error rate and all other metrics, its details, the other half, so that a dozen of
  them do not blunt the one that counts. Rows that are one and the same run count once. Details jump, as SQ by 9 where
  one seed never finds a class; so one seed is no evidence of them.
- **Costs**, parameters and FLOPs, are exact.
- **Speed** is a ratio: a row's seconds an iteration over those of its table's baseline row, which another machine
  changes little. Only seeds count with which both were trained on one machine.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from ablations.comparing.usual_spread import Spread, usual_spread
from ablations.gate.baseline_file import BaselineFile, Evidence, Speed, TableRow
from ablations.gate.moderated_t_test import Shift, rejected, shift
from ablations.metric_names import LOSSES, PRIMARY_METRIC, lower_is_better, primary_metric
from ablations.studies import STUDIES
from m2f.errors import InputError

ERROR_RATE = 0.01  # the chance that a check of an unchanged suite says that anything has become worse
SPEED = "seconds per iteration"
REGRESSED, CHANGED, MISSING = FAILURES = ("regressed", "changed", "missing")
IMPROVED, SAME, NEW, UNTESTED = "improved", "same", "new", "untested"
ONE_SEED, NO_SPREAD = "one seed is no evidence of a detail", "nothing tells the spread between seeds"
SECONDS_ALONE = "seconds, which another machine or load changes"
NO_MACHINE = "with no seed are it and its table's baseline row known to have been trained on one machine"


@dataclass(frozen=True)
class Finding:
    """What became of one number of one row.

    Attributes:
        row: the row.
        name: of the metric or cost, or ``SPEED``.
        kind: 'metric', 'cost' or 'speed'.
        verdict: 'regressed', 'improved', 'same', 'changed' (a cost is another, or a loss is lower than a tolerance
            allows), 'missing' (the baseline alone has it), 'new' (the sweep alone has it) or 'untested' (there is
            nothing to test it by).
        old: the baseline's values; of a metric by seed.
        new: the sweep's values.
        primary: whether its table is about this metric.
        chance: of a tested metric, the probability of a change for the worse of at least this size by seeds alone.
        visible: of a metric, the change of the mean that would have been told from noise.
        reason: how the verdict came about, in a few words.
    """

    row: TableRow
    name: str
    kind: str
    verdict: str
    old: tuple[float, ...]
    new: tuple[float, ...]
    primary: bool = False
    chance: float | None = None
    visible: float | None = None
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Of the means, new minus old."""
        return fmean(self.new) - fmean(self.old) if self.old and self.new else None


def find_changes(baseline: BaselineFile, evidence: Evidence) -> list[Finding]:
    """Everything that the baseline or the sweep has, compared: metrics, then costs, then speed, each by row.

    Raises:
        InputError: baseline and sweep have no row in common.
    """
    if not baseline.evidence.rows & evidence.rows:
        raise InputError(
            f"The two have no row in common: {_some(baseline.evidence.rows)} there, {_some(evidence.rows)} here; "
            "compare sweeps of the same tables, tasks and scale."
        )
    return [
        *_metric_findings(baseline, evidence),
        *_cost_findings(baseline.evidence, evidence),
        *(_speed_findings(baseline.evidence, evidence, baseline.speed_factor) if baseline.speed_factor else ()),
    ]


def require_tested(findings: Sequence[Finding]) -> None:
    """See that the metric of each table could be tested.

    Raises:
        InputError: one could not, for want of seeds and of a tolerance.
    """
    for finding in findings:
        if finding.primary and finding.verdict == UNTESTED:
            raise InputError(
                f"{finding.row}, {finding.name}: one seed on each side, and no row of the baseline tells how far seeds "
                f"differ; run more seeds, or give '{finding.name}' a number under 'tolerances' in the baseline."
            )


def _some(rows: Collection[TableRow]) -> str:
    first = min(rows)
    return str(first) if len(rows) == 1 else f"{first} and {len(rows) - 1} more"


Key = tuple[TableRow, str]


def _metric_findings(baseline: BaselineFile, evidence: Evidence) -> Iterator[Finding]:
    old, new = baseline.evidence.metrics, evidence.metrics
    primary = _primary_metrics(old, new)
    usual = _usual_spreads(old)
    drawn: dict[Key, _Draw] = {}
    for key in old.keys() & new.keys():
        if key[1] not in baseline.tolerances and not _repeated(old[key], new[key]):
            drawn[key] = _draw(key, old[key], new[key], usual[_kind(key)], key[1] == primary[key[0]])
    verdicts = _tested(drawn)
    for key in sorted(old.keys() | new.keys()):
        row, name = key
        values = tuple(old.get(key, {}).values()), tuple(new.get(key, {}).values())
        finding = Finding(row, name, "metric", SAME, *values, primary=name == primary[row])
        if key not in new or key not in old:
            yield replace(finding, verdict=MISSING if key in old else NEW)
        elif name in baseline.tolerances:
            yield _held(finding, old[key], new[key], baseline.tolerances[name])
        elif key not in drawn:
            yield replace(finding, reason="the same seeds gave the same values")
        else:
            yield replace(finding, **verdicts[key])


def _repeated(old: Mapping[int, float], new: Mapping[int, float]) -> bool:
    """Whether every seed has repeated the baseline's value; then nothing was drawn anew."""
    return all(old.get(seed) == value for seed, value in new.items())


def _kind(key: Key) -> tuple[str, str, str]:
    """What rows must share for their spreads to be alike: scale, task and metric."""
    return key[0].scale, key[0].task, key[1]


def _usual_spreads(values: Mapping[Key, Mapping[int, float]]) -> dict[tuple[str, str, str], Spread | None]:
    """Spreads by kind, from all rows of the baseline; a run that is a row of several tables counts once."""
    samples: dict[tuple[str, str, str], set[tuple[float, ...]]] = {}
    for key, of_key in values.items():
        samples.setdefault(_kind(key), set()).add(tuple(of_key.values()))
    return {kind: usual_spread(sorted(of_kind)) for kind, of_kind in samples.items()}


def _primary_metrics(*sides: Mapping[Key, Any]) -> dict[TableRow, str]:
    """The metric by which a row's table compares."""
    names: dict[TableRow, set[str]] = {}
    for side in sides:
        for row, name in side:
            names.setdefault(row, set()).add(name)
    return {
        row: primary_metric(STUDIES[row.table], row.task, measured)
        if row.table in STUDIES
        else PRIMARY_METRIC.get(row.task, "")
        for row, measured in names.items()
    }


@dataclass(frozen=True)
class _Draw:
    """A metric of a row, drawn anew: how far it has gone for the better, and the run behind it."""

    primary: bool
    gain: Shift | None
    run: tuple[Any, ...]


def _draw(key: Key, old: Mapping[int, float], new: Mapping[int, float], usual: Spread | None, primary: bool) -> _Draw:
    sign = -1 if lower_is_better(key[1]) else 1
    enough = primary or min(len(old), len(new)) > 1
    before, after = ([sign * value for value in side.values()] for side in (old, new))
    run = (_kind(key), tuple(old.items()), tuple(new.items()))
    return _Draw(primary, shift(before, after, usual) if enough else None, run)


def _tested(drawn: Mapping[Key, _Draw]) -> dict[Key, dict[str, Any]]:
    """Verdict, chance and visible difference by row and metric."""
    verdicts: dict[Key, dict[str, Any]] = {}
    families: dict[bool, dict[Key, tuple[Shift, Any]]] = {}
    for key, draw in drawn.items():
        if draw.gain:
            families.setdefault(draw.primary, {})[key] = draw.gain, draw.run
        else:
            verdicts[key] = {"verdict": UNTESTED, "reason": NO_SPREAD if draw.primary else ONE_SEED}
    for family in families.values():
        level = ERROR_RATE / len(families)
        runs = {run: gain for gain, run in family.values()}
        worse = rejected({run: gain.chance_of_less for run, gain in runs.items()}, level)
        better = rejected({run: gain.chance_of_more for run, gain in runs.items()}, level)
        for key, (gain, run) in family.items():
            verdicts[key] = {
                "verdict": REGRESSED if run in worse else IMPROVED if run in better else SAME,
                "chance": gain.chance_of_less,
                "visible": gain.visible(level / len(runs)),
            }
    return verdicts


def _held(finding: Finding, old: Mapping[int, float], new: Mapping[int, float], tolerance: float) -> Finding:
    """Hold the difference of the means, over the seeds that both have if there are any, to a tolerance.

    A loss that is lower after the same few steps makes no better model: something computes otherwise.
    """
    seeds = old.keys() & new.keys()
    means = [fmean(values[seed] for seed in seeds) if seeds else fmean(values.values()) for values in (old, new)]
    difference = means[1] - means[0]
    gain = -difference if lower_is_better(finding.name) else difference
    better = CHANGED if finding.name in LOSSES else IMPROVED
    verdict = SAME if abs(gain) <= tolerance else better if gain > 0 else REGRESSED
    return replace(finding, verdict=verdict, visible=tolerance, reason=f"tolerance {tolerance:g}")


def _cost_findings(old: Evidence, new: Evidence) -> Iterator[Finding]:
    """Costs, where the sweep tells costs at all: a results frame has none."""
    for row in sorted((old.costs.keys() | new.costs.keys()) if new.costs else ()):
        before, after = old.costs.get(row, {}), new.costs.get(row, {})
        for name in sorted(before.keys() | after.keys()):
            if name not in before or name not in after:
                verdict = MISSING if name in before else NEW
            else:
                verdict = SAME if before[name] == after[name] else CHANGED
            yield Finding(row, name, "cost", verdict, _known(before, name), _known(after, name))


def _known(costs: Mapping[str, float], name: str) -> tuple[float, ...]:
    return (costs[name],) if name in costs else ()


def _speed_findings(old: Evidence, new: Evidence, factor: float) -> Iterator[Finding]:
    for row in sorted(old.speeds.keys() & new.speeds.keys()):
        yield _paced(row, old.speeds[row], new.speeds[row], factor)


def _paced(row: TableRow, old: Speed, new: Speed, factor: float) -> Finding:
    """A row's speed beside its table's baseline row."""
    if row.reference is None or old.ratio is None or new.ratio is None:
        reason = NO_MACHINE if row.reference else SECONDS_ALONE
        return Finding(row, SPEED, "speed", UNTESTED, (old.seconds,), (new.seconds,), reason=reason)
    slower, faster = new.ratio > factor * old.ratio, new.ratio < old.ratio / factor
    verdict = REGRESSED if slower else IMPROVED if faster else SAME
    reason = f"in those of '{row.reference.variant}'"
    return Finding(row, SPEED, "speed", verdict, (old.ratio,), (new.ratio,), reason=reason)

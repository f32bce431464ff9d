"""A baseline: what a sweep measured, as JSON that people read and that diffs line by line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ablations.metric_names import LONGEST_NAME, UNSHOWN, is_name
from ablations.studies import STUDIES
from m2f.errors import InputError
from m2f.files import read_regular, write_atomically

FORMAT = 1
LARGEST = 1e12  # of numbers; their squares can be summed
SPEED_FACTOR = 2.0  # of a new baseline; each file says its own


class TableBlock(NamedTuple):
    """What a sweep covers as a whole: a table with one task at one scale."""

    table: str
    scale: str
    task: str


class TableRow(NamedTuple):
    """A row of a table with one task at one scale."""

    table: str
    scale: str
    task: str
    variant: str

    @property
    def block(self) -> TableBlock:
        """The sweep's part that it belongs to."""
        return TableBlock(self.table, self.scale, self.task)

    @property
    def reference(self) -> "TableRow | None":
        """Its table's baseline row; None if it is that itself, or of a table that is not known."""
        baseline = STUDIES[self.table].baseline if self.table in STUDIES else self.variant
        return None if baseline == self.variant else self._replace(variant=baseline)

    def __str__(self) -> str:
        return f"{self.table} {self.variant} ({self.task}, {self.scale})"


class Speed(NamedTuple):
    """How fast a row trains.

    Attributes:
        seconds: of one training iteration, median over seeds.
        ratio: to those of its table's baseline row, median over the seeds with which both were trained on one known
            machine; None without such a seed.
    """

    seconds: float
    ratio: float | None = None


@dataclass(frozen=True)
class Evidence:
    """What a sweep measured.

    Attributes:
        metrics: values by row and metric, then by seed.
        costs: what each row's model costs by name, as ``ablations.costs.counted`` counts it: the same on every machine.
        speeds: by row.
        sources: commit, versions and machine behind each block.
    """

    metrics: Mapping[tuple[TableRow, str], Mapping[int, float]] = field(default_factory=dict)
    costs: Mapping[TableRow, Mapping[str, float]] = field(default_factory=dict)
    speeds: Mapping[TableRow, Speed] = field(default_factory=dict)
    sources: Mapping[TableBlock, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def rows(self) -> set[TableRow]:
        """The rows of which there are metrics or costs."""
        return {row for row, _ in self.metrics} | set(self.costs)

    @property
    def blocks(self) -> set[TableBlock]:
        """The blocks of which there are metrics or costs."""
        return {row.block for row in self.rows}


@dataclass(frozen=True)
class BaselineFile:
    """Evidence to compare with, and how.

    Attributes:
        evidence: what was measured.
        tolerances: by metric, how far a mean may be off; metrics without one are tested against the seeds' spread.
        speed_factor: how many times as slow is too slow; None leaves speed alone.
    """

    evidence: Evidence
    tolerances: Mapping[str, float] = field(default_factory=dict)
    speed_factor: float | None = SPEED_FACTOR

    def updated(self, evidence: Evidence) -> "BaselineFile":
        """The baseline with the evidence's blocks in the place of its own.

        Other blocks stay, and so do costs and speeds of rows of which the evidence tells none, as a ``results.csv``.
        """
        fresh, rows = evidence.blocks, evidence.rows

        def merged(old: Mapping[TableRow, Any], new: Mapping[TableRow, Any]) -> dict[TableRow, Any]:
            told = {row.block for row in new}
            kept = {row: value for row, value in old.items() if row.block not in fresh or row in rows}
            return {row: value for row, value in kept.items() if row.block not in told} | dict(new)

        old = self.evidence
        return replace(
            self,
            evidence=Evidence(
                metrics={key: values for key, values in old.metrics.items() if key[0].block not in fresh}
                | dict(evidence.metrics),
                costs=merged(old.costs, evidence.costs),
                speeds=merged(old.speeds, evidence.speeds),
                sources={block: facts for block, facts in old.sources.items() if block not in fresh}
                | dict(evidence.sources),
            ),
        )


def write_baseline_file(path: Path, baseline: BaselineFile) -> None:
    """Write a baseline: sorted, one line for each row and metric; speeds only where its factor has a use for them."""
    evidence = baseline.evidence
    lists = {
        "sources": [{**block._asdict(), **facts} for block, facts in sorted(evidence.sources.items())],
        "metrics": [
            {**row._asdict(), "metric": metric, "values": {str(seed): values[seed] for seed in sorted(values)}}
            for (row, metric), values in sorted(evidence.metrics.items())
        ],
        "costs": [{**row._asdict(), **dict(sorted(costs.items()))} for row, costs in sorted(evidence.costs.items())],
        "speed": [
            {**row._asdict(), "seconds": speed.seconds} | ({"ratio": speed.ratio} if speed.ratio else {})
            for row, speed in sorted(evidence.speeds.items())
            if baseline.speed_factor is not None
        ],
    }
    head = {"format": FORMAT, "speed_factor": baseline.speed_factor, "tolerances": dict(baseline.tolerances)}
    write_atomically(path, _text(head, lists).encode())


def _text(head: Mapping[str, Any], lists: Mapping[str, list[dict[str, Any]]]) -> str:
    parts = [f' "{key}": {json.dumps(value, sort_keys=True)}' for key, value in head.items()]
    for key, items in lists.items():
        lines = ",\n".join(f"  {json.dumps(item, ensure_ascii=False, allow_nan=False)}" for item in items)
        parts.append(f' "{key}": [\n{lines}\n ]' if items else f' "{key}": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read_baseline_file(path: Path) -> BaselineFile:
    """Read what ``write_baseline_file`` wrote, or what people made of it.

    Raises:
        InputError: the file is missing, is no baseline, or an entry is not what it should be.
    """
    content = _content(path)
    tolerances = _read(path, content, "tolerances", lambda entry: (_word(entry[0]), _at_least(0, entry[1])))
    return BaselineFile(
        Evidence(
            metrics=_read(
                path, content, "metrics", lambda entry: ((_row(entry), _word(entry["metric"])), _values(entry))
            ),
            costs=_read(path, content, "costs", lambda entry: (_row(entry), _costs(entry))),
            speeds=_read(path, content, "speed", lambda entry: (_row(entry), _speed(entry))),
            sources=_read(path, content, "sources", _source),
        ),
        tolerances,
        _speed_factor(path, content),
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(path), parse_constant=_refuse_constant)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); `m2f check --update` writes a baseline."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}); mend it, or write it anew with `m2f check --update`."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is no baseline of format {FORMAT}; make one elsewhere with `m2f check --update`.")
    return content


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _read(
    path: Path, content: Mapping[str, Any], key: str, convert: Callable[[Any], tuple[Any, Any]]
) -> dict[Any, Any]:
    """The entries under a key as a dict; ``convert`` gives each one's key and value."""
    entries = content.get(key, [])
    if not isinstance(entries, dict if key == "tolerances" else list):
        raise InputError(f"{path}: '{key}' must be a {'table' if key == 'tolerances' else 'list'}; mend it.")
    found: dict[Any, Any] = {}
    for number, entry in enumerate(entries.items() if isinstance(entries, dict) else entries, start=1):
        try:
            name, value = convert(entry)
            if name in found:
                raise ValueError("it is there twice")
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(
                f"{path}: entry {number} of '{key}' is not what a baseline holds there: {reason}; mend it, or "
                "make the file anew with `m2f check --update`."
            ) from error
        found[name] = value
    return found


def _row(entry: Mapping[str, Any]) -> TableRow:
    return TableRow(*(_word(entry[name]) for name in TableRow._fields))


def _word(value: Any) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise ValueError(f"{shortened(value)} is no name")
    return value


def shortened(value: Any) -> str:
    """A value as it may stand in a sentence."""
    text = repr(value)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."


def _values(entry: Mapping[str, Any]) -> dict[int, float]:
    values = {int(seed): _number(value) for seed, value in entry["values"].items()}
    if not values:
        raise ValueError("'values' is empty")
    return values


def _costs(entry: Mapping[str, Any]) -> dict[str, float]:
    return {_word(name): _number(value) for name, value in entry.items() if name not in TableRow._fields}


def _speed(entry: Mapping[str, Any]) -> Speed:
    return Speed(_above_zero(entry["seconds"]), _above_zero(entry["ratio"]) if "ratio" in entry else None)


def _source(entry: Mapping[str, Any]) -> tuple[TableBlock, dict[str, Any]]:
    block = TableBlock(*(_word(entry[name]) for name in TableBlock._fields))
    facts = {_word(name): value for name, value in entry.items() if name not in TableBlock._fields}
    for fact in facts.values():
        if UNSHOWN.search(str(fact)):
            raise ValueError(f"{shortened(fact)} cannot be printed")
    return block, facts


def _at_least(least: float, value: Any) -> float:
    if _number(value) < least:
        raise ValueError(f"{value} is less than {least:g}")
    return float(value)


def _above_zero(value: Any) -> float:
    if _number(value) <= 0:
        raise ValueError(f"{value} is not above zero")
    return float(value)


def _number(value: Any) -> float:
    """A number that can be calculated with."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError(f"{value!r} is no number between -{LARGEST:g} and {LARGEST:g}")
    return float(value)


def _speed_factor(path: Path, content: Mapping[str, Any]) -> float | None:
    factor = content.get("speed_factor", SPEED_FACTOR)
    if factor is None:
        return None
    try:
        return _at_least(1, factor)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: 'speed_factor' must be a number of at least 1, or null, not {factor!r}.") from error

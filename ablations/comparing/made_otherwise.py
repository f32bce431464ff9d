"""Runs that were not made as those that they are averaged and paired with: by other settings, or on other data."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ablations.planning.plan import SHOWING_KEYS, as_first_named
from ablations.planning.scales import scale_of_m2f
from ablations.store.results_frame import Results
from ablations.store.run_record import RunRecord
from ablations.studies import STUDIES
from ablations.studies.study import Study, Variation
from m2f.config_files import read_config
from m2f.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

# What may differ between runs that compute the same: what shows and keeps them, and modules, whose components are named
# where they are used. Scenes are data, which their fingerprint tells.
NO_SETTINGS = (
    *("seed", "scenes", "custom_imports", *SHOWING_KEYS, "log_level", "log_processor"),
    *("default_hooks.logger", "default_hooks.checkpoint"),
)
OF_DATA = ("train_dataloader", "val_dataloader", "val_evaluator")  # paths in these are told by the fingerprint, too
LONGEST_VALUE = 60  # characters


@dataclass(frozen=True)
class Made:
    """A run as that of a row and seed; ``row`` is None if this version of m2f does not know it."""

    table: str
    variant: str
    row: Variation | None
    seed: int
    run: RunRecord


def made_runs(results: "pd.DataFrame", runs: Mapping[str, RunRecord], study: Study | None) -> list[Made]:
    """The runs of a results frame of one table and scale, each once for every row that it fills, by seed."""
    rows = {row.name: row for row in study.variations} if study else {}
    once = results[["variant", "seed", "run"]].drop_duplicates().sort_values("seed", kind="stable")
    return [
        Made(study.table if study else "", variant, rows.get(variant), int(seed), runs[name])
        for variant, seed, name in once.itertuples(index=False, name=None)
    ]


def sentences(found: Results) -> list[str]:
    """A sentence for each table at a scale of which some runs were not made as its others."""
    told = []
    for (table, scale), own in found.frame.groupby(["table", "scale"], sort=False):
        made = made_runs(own, found.runs, STUDIES.get(str(table)))
        some = [f"{change}{where}" for change, where in changes(made, str(scale)).items() if where]
        if some:
            told.append(f"Not all runs of Table {table} ({scale}) were made alike: {', '.join(some)}.")
    return told


def changes(made: Sequence[Made], scale: str) -> dict[str, str]:
    """What was changed of these runs beyond what their rows change, and in which of them, if not in all.

    These are overrides (KEY=VALUE) that the user gave, but for what the scale has by itself, since it was changed to
    that; what a run's config says and those of most runs beside it do not; and data of other content than most have.

    Args:
        made: runs that are averaged by row and paired with each other.
        scale: theirs.
    """
    found: dict[str, list[Made]] = {}
    overrides = [_overrides(of, scale) for of in made]
    usual = usual_data(of.run.identity for of in made)
    for of, own in zip(made, overrides, strict=True):
        for key, value in own.items():
            found.setdefault(f"{key}={value}", []).append(of)
        if of.run.identity["data_fingerprint"] not in usual:
            found.setdefault("data of other content", []).append(of)
    for of, other in zip(made, _other_settings(made, overrides), strict=True):
        for change in other:
            found.setdefault(change, []).append(of)
    return {change: _where(having, made) for change, having in sorted(found.items())}


def usual_data(identities: Iterable[Mapping[str, Any]]) -> set[str]:
    """The fingerprints that most runs of their task, data set and split have, and what stands for an unknown one."""
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for identity in identities:
        place = (identity["task"], identity["dataset"], identity["split"])
        counts.setdefault(place, Counter())[identity["data_fingerprint"]] += bool(identity["data_fingerprint"])
    return {"", *(own.most_common(1)[0][0] for own in counts.values())}


@cache
def scale_values(scale: str, dataset: str, task: str) -> dict[str, Any]:
    """The config that a scale of m2f's has for a data set and a task; empty if it has none, or is another's."""
    known = scale_of_m2f(scale)
    try:
        return read_config(known.config(dataset, task)).to_dict() if known else {}
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


def _where(having: Sequence[Made], made: Sequence[Made]) -> str:
    """Which runs have a change, and of which row if of one alone; empty if all have it."""
    number, every = len({of.run.name for of in having}), len({of.run.name for of in made})
    if number == every:
        return ""
    seeds = [str(seed) for seed in sorted({of.seed for of in having})]
    words = " and ".join(filter(None, [", ".join(seeds[:-1]), seeds[-1]]))
    rows, of_all = ({(of.table, of.variant) for of in some} for some in (having, made))
    row = f"{having[0].variant}, " if len(rows) == 1 < len(of_all) else ""
    return f" in {number} of {every} runs ({row}seed{'s' if len(seeds) > 1 else ''} {words})"


def _overrides(of: Made, scale: str) -> dict[str, Any]:
    """The user's own overrides of a run, but for what its row or its scale says."""
    identity, row = of.run.identity, of.row.overrides if of.row else {}
    given = {key: value for key, value in identity["overrides"].items() if row.get(key) != value}
    dataset = of.row.dataset if of.row else ""
    usual = scale_values(scale, dataset, identity["task"]) if given else {}
    return {key: value for key, value in given.items() if value_at(usual, key) != value}


def _other_settings(made: Sequence[Made], overrides: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """By run, what its config says and those of most runs beside it do not, but for ``overrides``, told already.

    What a row changes is compared with the row's other seeds alone, all else with every row of the task and data set.
    """
    found: list[dict[str, str | None]] = [{} for _ in made]
    beside: dict[tuple[str, ...], dict[int, dict[str, str]]] = {}
    for place, of in enumerate(made):
        if of.run.recorded:
            # An evaluation once more has the config of its table.
            group = (of.run.identity["task"], of.run.identity["dataset"], of.table if of.run.source else "")
            beside.setdefault(group, {})[place] = dict(_settings(as_first_named(of.run.config)))
    for settings in beside.values():
        for key in dict.fromkeys(key for own in settings.values() for key in own):
            if len({own.get(key) for own in settings.values()}) == 1:
                continue
            alike: dict[tuple[str, str] | None, dict[int, str | None]] = {}
            for place, own in settings.items():
                of = made[place]
                if not _changes(overrides[place], key):
                    row = (of.table, of.variant) if of.row is None or _changes(of.row.overrides, key) else None
                    alike.setdefault(row, {})[place] = own.get(key)
            for values in alike.values():
                usual = Counter(values.values()).most_common(1)[0][0]
                for place, value in values.items():
                    if value != usual:
                        found[place][key] = value
    return [[_words(key, value) for key, value in own.items() if not _of_another_type(key, own)] for own in found]


def _settings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys of a config and what stands there, as JSON; lists of plain values are whole."""
    if key in NO_SETTINGS:
        return
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _settings(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        for place, item in enumerate(value):
            yield from _settings(item, f"{key}.{place}")
    elif not (isinstance(value, str) and "/" in value and key.startswith(OF_DATA)):
        yield key, json.dumps(value, default=repr)


def _changes(overrides: Mapping[str, Any], key: str) -> bool:
    """Whether overrides change what stands at a key; a new type changes what the component takes besides."""
    changed = (own.removesuffix(".type") for own in overrides)
    return any(key == own or key.startswith(f"{own}.") or own.startswith(f"{key}.") for own in changed)


def _of_another_type(key: str, changed: Mapping[str, Any]) -> bool:
    """Whether a key is an option of a component whose type is changed, which says it all."""
    parts = key.split(".")
    types = (".".join([*parts[:place], "type"]) for place in range(1, len(parts)))
    return any(name in changed and name != key for name in types)


def _words(key: str, value: str | None) -> str:
    if value is None:
        return f"no {key}"
    text = str(json.loads(value))
    return f"{key}={text if len(text) <= LONGEST_VALUE else f'{text[: LONGEST_VALUE - 3]}...'}"

"""What the rows say that the paper has no difference for: a user's own, and those of what came after the paper."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ablations.comparing.main_effects import Effect, main_effects
from ablations.comparing.verdicts import FRACTION, MARGIN, NOT_RUN, OWN_VERDICTS, UNTOLD
from ablations.metric_names import unit
from ablations.reports.cost_rows import GIGA
from ablations.reports.message import own_rows
from ablations.reports.section import Section, metric_of
from ablations.reports.text import listing, metric_name, number, signed, signed_with_bounds

TOLD = tuple(word for word in OWN_VERDICTS if word not in (UNTOLD, NOT_RUN))

Row = Mapping[Any, Any]


def own_answer(section: Section, task: str) -> str:
    """What a task of a table says of those rows, in one paragraph, and what it cannot tell; empty without one."""
    comparison = own_rows([section.comparison])
    rows: Sequence[Row] = comparison[(comparison["task"] == task) & (comparison["pairs"] > 0)].to_dict("records")
    if not rows:
        return ""
    metric = metric_of(section, task)
    sentences = [
        f"{metric_name(metric)} beside {section.study.baseline}, {_seeds(rows)}.",
        *_told(rows, _margin(metric)),
        *_untold(rows),
        *_effects(section, task, metric),
        *_cheapest(section, task, metric),
    ]
    return " ".join(sentences)


def effects_of(section: Section, task: str, metric: str) -> list[Effect]:
    """The effects of a crossed study's choices; none of a study that crosses nothing."""
    rows = {variation.name: variation.choices for variation in section.study.variations if variation.choices}
    if section.study.baseline not in rows:
        return []
    results = section.results[(section.results["task"] == task) & (section.results["metric"] == metric)]
    values = {
        choices: dict(zip(own["seed"].astype(int), own["value"].astype(float), strict=True))
        for name, choices in rows.items()
        for own in [results[results["variant"] == name]]
    }
    return main_effects(values, rows[section.study.baseline], _margin(metric))


def _margin(metric: str) -> float:
    return MARGIN if unit(metric) == "%" else MARGIN * FRACTION


def _seeds(rows: Sequence[Row]) -> str:
    counts = sorted({row["pairs"] for row in rows})
    return f"{listing(list(map(str, counts)))} seed{'s' if counts != [1] else ''} a row"


def _told(rows: Sequence[Row], margin: float) -> Iterable[str]:
    """Which rows have which verdict; that there is none above or below is said too."""
    for word in TOLD:
        of_word = [row for row in rows if row["verdict"] == word]
        names = [f"{row['variant']} ({signed(row['difference'], row['unit'])})" for row in of_word]
        within = f", within {number(margin, rows[0]['unit'])}" if word == TOLD[-1] else ""
        # Names have commas of their own.
        yield f"{word.capitalize()}{within}: {'; '.join(names) or 'none'}."


def _untold(rows: Sequence[Row]) -> Iterable[str]:
    """Of how many rows nothing can be told, between which means they lie, and what would have shown."""
    untold = sorted((row for row in rows if row["verdict"] == UNTOLD), key=lambda row: row["difference"])
    if not untold:
        return
    ends = dict.fromkeys((row["variant"], signed(row["difference"], row["unit"])) for row in (untold[0], untold[-1]))
    means = listing([f"{difference} ({name})" for name, difference in ends])
    visible = [row["visible"] for row in untold if not math.isnan(row["visible"])]
    would = "nothing tells their spread"
    if visible:
        least, most = (number(end, untold[0]["unit"]) for end in (min(visible), max(visible)))
        would = f"a difference below {least if least == most else f'{least} to {most}'} would not have shown"
    mean = f"the mean difference is {means}" if len(ends) == 1 else f"the mean differences lie between {means}"
    yield f"Of {len(untold)} row{'s' if len(untold) > 1 else ''} these seeds cannot tell: {mean}, and {would}."


def _effects(section: Section, task: str, metric: str) -> Iterable[str]:
    """What each choice does in the mean over the others, a sentence a factor."""
    effects = effects_of(section, task, metric)
    for place, factor in enumerate(section.study.factors):
        of_factor = [effect for effect in effects if effect.factor == place]
        words = [_effect_words(effect, unit(metric)) for effect in of_factor]
        if words:
            others = listing([name for name in section.study.factors if name != factor])
            yield f"By {factor}, in the mean over every {others}: {'; '.join(words)}."


def _effect_words(effect: Effect, of_unit: str) -> str:
    interval = effect.difference.interval()
    low, high = (math.nan if end is None else end for end in (interval.low, interval.high))
    return f"{effect.choice} {signed_with_bounds(interval.mean, low, high, of_unit)}, {effect.judgement.verdict}"


def _cheapest(section: Section, task: str, metric: str) -> Iterable[str]:
    """Of a table that is drawn against FLOPs, the cheapest row that is not surely below the baseline."""
    comparison = section.comparison
    rows = comparison[
        (comparison["task"] == task)
        & (comparison["metric"] == metric)
        & (comparison["pairs"] > 0)
        & (comparison["verdict"] != "below the baseline")
        & comparison["variant"].isin(list(section.flops))
    ].to_dict("records")
    baseline = section.flops.get(section.study.baseline)
    if not rows or not baseline:
        return
    row = min(rows, key=lambda row: section.flops[row["variant"]])
    flops = section.flops[row["variant"]]
    difference = signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], row["unit"])
    yield (
        f"The cheapest row that is not surely below the baseline is {row['variant']} ({difference}), with "
        f"{flops / GIGA:.3g} GFLOPs of the baseline's {baseline / GIGA:.3g}."
    )

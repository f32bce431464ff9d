"""What a table with rows that the paper has no difference for says: a user's own, and those of what came after it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ablations.comparing.beside_paper import BASELINE, margin_beside, margin_of
from ablations.comparing.interactions import Interaction, interactions
from ablations.comparing.main_effects import Choices, Effect, Values, main_effects
from ablations.comparing.statistics import mean_interval
from ablations.comparing.verdicts import NOT_RUN, OWN_VERDICTS, UNTOLD, VERDICTS
from ablations.metric_names import unit
from ablations.reports.cheapest_row import cheapest
from ablations.reports.message import own_rows
from ablations.reports.section import Section, metric_of
from ablations.reports.text import listing, metric_name, number, signed, signed_with_bounds

TOLD = tuple(word for word in OWN_VERDICTS if word not in (UNTOLD, NOT_RUN))
ABOVE, BELOW, LEVEL = TOLD

Row = Mapping[Any, Any]


def own_answer(section: Section, task: str) -> str:
    """What all rows of a task say, in one paragraph, and what they cannot tell; empty without a row but the paper's.

    A row whose difference the paper has too stands where its difference puts it.
    """
    own = own_rows([section.comparison])
    if own[(own["task"] == task) & (own["pairs"] > 0)].empty:
        return ""
    metric = metric_of(section, task)
    rows = _rows(section, task, metric)
    sentences = [
        f"{metric_name(metric)}, {_seeds(rows)}, beside {section.study.baseline}.",
        *_told(rows, metric),
        *_untold(rows),
        *_of_choices(section, task, metric),
        *cheapest(section, [(row, _side(row)) for row in rows], (LEVEL, ABOVE), BELOW),
    ]
    return " ".join(sentences)


def _of_choices(section: Section, task: str, metric: str) -> Iterable[str]:
    """What a crossed study's choices do, each by itself and two together; nothing of a study that crosses nothing."""
    rows = {variation.name: variation.choices for variation in section.study.variations if variation.choices}
    baseline = rows.get(section.study.baseline)
    if baseline:
        values = _values(section, rows, task, metric)
        margin = _margin(values, baseline, metric)
        yield from _effects(main_effects(values, baseline, margin), section.study.factors, metric)
        yield from _together(interactions(values, baseline, margin), rows, metric)


def _values(section: Section, rows: Mapping[str, Choices], task: str, metric: str) -> Values:
    """Each crossed row's results by seed."""
    results = section.results[(section.results["task"] == task) & (section.results["metric"] == metric)]
    return {
        choices: dict(zip(own["seed"].astype(int), own["value"].astype(float), strict=True))
        for name, choices in rows.items()
        for own in [results[results["variant"] == name]]
    }


def _margin(values: Values, baseline: Choices, metric: str) -> float:
    """Below which a difference from the study's baseline counts as small."""
    return margin_beside(mean_interval(list(values.get(baseline, {}).values())).mean, metric)


def _rows(section: Section, task: str, metric: str) -> Sequence[Row]:
    comparison = section.comparison
    return comparison[
        (comparison["task"] == task)
        & (comparison["metric"] == metric)
        & (comparison["pairs"] > 0)
        & (comparison["verdict"] != BASELINE)
    ].to_dict("records")


def _seeds(rows: Sequence[Row]) -> str:
    counts = sorted({row["pairs"] for row in rows})
    return f"{listing(list(map(str, counts)))} seed{'s' if counts != [1] else ''} a row"


def _side(row: Row) -> str:
    """Where a row lies by its verdict, also by one on the paper's difference."""
    if row["verdict"] not in VERDICTS or row["verdict"] in (UNTOLD, NOT_RUN):
        return str(row["verdict"])
    if row["verdict"] == "as small as the paper's":
        return LEVEL
    return ABOVE if row["difference"] > 0 else BELOW


def _told(rows: Sequence[Row], metric: str) -> Iterable[str]:
    """Which rows lie where; that there is none is said too."""
    for word in TOLD:
        names = [f"{row['variant']} ({signed(row['difference'], row['unit'])})" for row in rows if _side(row) == word]
        within = f", within {margin_of(metric):g}" if word == LEVEL else ""
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


def _effects(effects: Sequence[Effect], factors: Sequence[str], metric: str) -> Iterable[str]:
    """What each choice does in the mean over the others, a sentence a factor."""
    for place, factor in enumerate(factors):
        words = [_effect_words(effect, unit(metric)) for effect in effects if effect.factor == place]
        if words:
            others = listing([name for name in factors if name != factor])
            yield f"By {factor}, in the mean over each {others} that was run: {'; '.join(words)}."


def _effect_words(effect: Effect, of_unit: str) -> str:
    interval = effect.difference.interval()
    low, high = (math.nan if end is None else end for end in (interval.low, interval.high))
    mean = signed_with_bounds(interval.mean, low, high, of_unit)
    return f"{effect.choice} {mean}, over {effect.pairs}, {effect.judgement.verdict}"


def _together(found: Sequence[Interaction], rows: Mapping[str, Choices], metric: str) -> Iterable[str]:
    """Which two choices are together above or below the sum of the differences that each makes alone."""
    if not found:
        return
    names = {choices: name for name, choices in rows.items()}
    level = f"At the sum, within {margin_of(metric):g}"
    words = {ABOVE: "Above the sum", BELOW: "Below the sum", LEVEL: level, UNTOLD: "Not to be told"}
    yield "Two choices together, beside the sum of the differences that each makes alone."
    for verdict, word in words.items():
        told = [one for one in found if one.judgement.verdict == verdict]
        each = [f"{names[one.choices]} ({signed(one.difference.mean, unit(metric))})" for one in told]
        if each or verdict != UNTOLD:
            yield f"{word}: {'; '.join(each) or 'none'}."

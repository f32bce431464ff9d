"""How a table's rows came out: counted by verdict, and what came out the other way than the paper's said in words."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ablations.comparing.beside_paper import BASELINE
from ablations.comparing.verdicts import NOT_RUN, OWN_VERDICTS, VERDICTS
from ablations.reports.text import DASH, bounds, listing, metric_name, signed

WITHIN_NOISE = "\N{DAGGER}"  # after a difference of the paper's that is within its own noise
OWN_WORDS = tuple(word for word in OWN_VERDICTS if word not in VERDICTS)
WORDS = (*(word for word in VERDICTS if word != NOT_RUN), *OWN_WORDS, NOT_RUN)


def verdict_word(row: Mapping[Any, Any]) -> str:
    """What stands in the verdict's place in a row of the comparison frame; a baseline may not have been run either."""
    return NOT_RUN if row["n"] == 0 else str(row["verdict"])


def tally(rows: pd.DataFrame) -> dict[str, Any]:
    """How many rows got which word; `rows` are the comparison of one task by one metric, whose baseline is left out.

    `direction` says how many rows' mean difference lies on the paper's side of zero, of those that have a difference
    other than zero in both; a dash without any. `seeds` are those that rows share with the baseline.
    """
    designs = rows[rows["verdict"] != BASELINE]
    words = [verdict_word(row) for row in designs.to_dict("records")]
    sides = _sides(designs)
    comparable = int((sides != 0).sum())
    return {
        "counts": [{"word": word, "count": words.count(word)} for word in WORDS],
        "direction": f"{int((sides > 0).sum())} of {comparable}" if comparable else DASH,
        "seeds": listing(sorted({str(pairs) for pairs in designs["pairs"] if pairs}, key=int)),
    }


def other_directions(rows: pd.DataFrame) -> list[dict[str, str]]:
    """The designs whose mean difference lies on the other side of zero than the paper's, and how sure that is."""
    others = rows[_sides(rows) < 0]
    return [{"variant": row["variant"], "text": _sentence(row)} for row in others.to_dict("records")]


def _sides(rows: pd.DataFrame) -> pd.Series:
    """Above zero where our mean difference and the paper's have one sign, below where they have opposite ones."""
    return (rows["difference"] * rows["paper_difference"]).fillna(0)


def _sentence(row: Mapping[Any, Any]) -> str:
    unit = row["unit"]
    name, paper = metric_name(row["metric"]), signed(row["paper_difference"], unit)
    numbers = f"{name} {signed(row['difference'], unit)}, the paper's {paper}"
    seeds = f"{row['pairs']} seed{'s' if row['pairs'] > 1 else ''}"
    known = not pd.isna(row["difference_low"])
    interval = f", {bounds(row['difference_low'], row['difference_high'], unit)}" if known else ", no interval"
    return f"{numbers}: other direction than the paper's, {row['verdict']} ({seeds}{interval})."

"""A report's message: how many of the paper's differences came out as the paper has them, in one sentence."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from ablations.comparing.beside_paper import BASELINE
from ablations.comparing.verdicts import NOT_RUN, OWN_VERDICTS, VERDICTS
from ablations.reports.text import listing
from ablations.studies import SINCE_THE_PAPER, WITHOUT_CLAIMS

SAID = {
    "not reproduced": "the other way",
    "as small as the paper's": "as small as the paper's",
    "below what this can tell": "below what these runs can tell",
    "not run": "not run",
}


def papers_differences(comparisons: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows of comparison frames of which the paper claims a difference, by each task's primary metric.

    Rows that are the same runs in several tables, or would be, are there once, as the first of them that was run.
    """
    return _once(_claimed(_compared(comparisons)))


def own_rows(comparisons: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The other rows: a user's own, those of what came after the paper, and what the paper shows without a number.

    Those that are the same runs are there once, and not at all where the paper claims a difference of these runs.
    """
    rows = _compared(comparisons)
    claimed = _claimed(rows)
    since = rows["table"].isin([study.table for study in SINCE_THE_PAPER])
    others = rows[rows["paper_difference"].isna() | since]
    return _once(pd.concat([claimed, others])).drop(claimed.index, errors="ignore")


def _claimed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["paper_difference"].notna() & ~rows["table"].isin(WITHOUT_CLAIMS)]


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    run_first = rows.sort_values("verdict", key=lambda verdict: verdict == NOT_RUN, kind="stable")
    return run_first.drop_duplicates(["scale", "task", "metric", "comparison"]).sort_index()


def _compared(comparisons: Iterable[pd.DataFrame]) -> pd.DataFrame:
    comparison = pd.concat(list(comparisons), ignore_index=True)
    primary = comparison.groupby(["table", "task"])["metric"].transform("first")
    return comparison[(comparison["metric"] == primary) & (comparison["verdict"] != BASELINE)]


def own_sentence(rows: pd.DataFrame) -> str:
    """What became of rows that the paper has no difference for; empty where none was run."""
    counts = _counts(rows, OWN_VERDICTS)
    if sum(counts.values()) == counts["not run"]:
        return ""
    parts = [f"{count} {SAID.get(word, word)}" for word, count in counts.items() if count]
    plural = "s" if len(rows) > 1 else ""
    return f"Of {len(rows)} row{plural} that the paper has no difference for: {listing(parts)}."


def sentence(rows: pd.DataFrame, scale: str) -> str:
    """What became of the paper's differences at one scale, the rows of ``papers_differences``."""
    if rows.empty:
        return f"At {scale} scale: nothing that the paper prints a difference for."
    counts = _counts(rows, VERDICTS)
    all_of_them = f"{len(rows)} difference{'s' if len(rows) > 1 else ''}"
    reproduced = f"{counts['reproduced'] or 'none'} of the paper's {all_of_them} reproduced"
    # How many went the other way is said even of none.
    others = [
        f"{count or 'none'} {SAID[word]}"
        for word, count in counts.items()
        if word in SAID and (count or word == "not reproduced")
    ]
    return f"At {scale} scale: {listing([reproduced, *others])}."


def counts_by_task(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Each task's and all tasks' numbers of rows by verdict, in the order of ``VERDICTS``."""
    groups = [(str(task), own) for task, own in rows.groupby("task", sort=False)]
    if len(groups) > 1:
        groups.append(("all", rows))
    return [{"task": task, "counts": list(_counts(own, VERDICTS).values()), "rows": len(own)} for task, own in groups]


def _counts(rows: pd.DataFrame, words: Sequence[str]) -> dict[str, int]:
    return {word: int((rows["verdict"] == word).sum()) for word in words}

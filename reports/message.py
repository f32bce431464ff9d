"""A report's message: how many of the paper's differences came out as the paper has them, in one sentence."""

from collections.abc import Iterable
from typing import Any, get_args

import pandas as pd

from ablations.comparing.beside_paper import BASELINE
from ablations.comparing.verdicts import Verdict
from ablations.reports.text import listing

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SAID = {
    "not reproduced": "the other way",
    "as small as the paper's": "as small as the paper's",
    "below what this can tell": "below what these runs can tell",
    "not run": "not run",
}


def papers_differences(comparisons: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows of comparison frames that the paper has a difference for, by each task's primary metric."""
    comparison = pd.concat(list(comparisons), ignore_index=True)
    primary = comparison.groupby(["table", "task"])["metric"].transform("first")
    rows = comparison[(comparison["metric"] == primary) & (comparison["verdict"] != BASELINE)]
    return rows[rows["paper_difference"].notna()]


def sentence(rows: pd.DataFrame, scale: str) -> str:
    """What became of the paper's differences at one scale, the rows of ``papers_differences``."""
    if rows.empty:
        return f"At {scale} scale: nothing that the paper prints a difference for."
    counts = _counts(rows)
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
    return [{"task": task, "counts": list(_counts(own).values()), "rows": len(own)} for task, own in groups]


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    return {word: int((rows["verdict"] == word).sum()) for word in VERDICTS}

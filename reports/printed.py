"""What the paper prints of methods that m2f does not have, and of tables whose numbers a test server tells."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ablations.reports.cost_rows import NAMES
from ablations.reports.text import metric_name, table_label
from ablations.studies.study import Study

WHOLE = ("params", "flops", "memory")  # which the paper prints without decimals


def printed_rows(studies: Iterable[Study], paper: pd.DataFrame) -> list[dict[str, Any]]:
    """The tables that have such rows: ``label``, ``title``, ``how`` and ``rows`` of ``{name, numbers}``.

    Args:
        studies: the report's.
        paper: the paper's results.

    Returns:
        In the studies' order; ``how`` is the command that makes what a table's test server takes, or empty.
    """
    tables = []
    for study in studies:
        of_table = paper[paper["table"] == study.table]
        if not study.submission:
            of_table = of_table[~of_table["method"].isin({row.method for row in study.variations})]
        if len(of_table):
            groups = of_table.groupby(["method", "backbone", "variant"], sort=False)
            rows = [{"name": ", ".join(filter(None, map(str, key))), "numbers": _numbers(own)} for key, own in groups]
            label = table_label(study.table)
            tables.append({"label": label, "title": study.title, "how": study.submitting, "rows": rows})
    return tables


def _numbers(rows: pd.DataFrame) -> str:
    return "; ".join(_number(row) for row in rows.to_dict("records"))


def _number(row: Mapping[Any, Any]) -> str:
    digits = f"{row['value']:g}"
    as_printed = digits if "." in digits or row["metric"] in WHOLE else f"{digits}.0"
    return f"{NAMES.get(row['metric'], metric_name(row['metric']))} {as_printed}"

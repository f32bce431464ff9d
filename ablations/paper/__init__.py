"""The paper's own numbers: every value of its tables, one a line in ``results.csv``."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

RESULTS_CSV = Path(__file__).with_name("results.csv")


def paper_results() -> "pd.DataFrame":
    """Columns ``table, method, backbone, variant, dataset, split, task, metric, value``.

    PQ, AP and mIoU in percent, ``params`` in millions, ``flops`` in billions, ``fps`` on a V100, ``memory`` in GB an
    image.
    """
    import pandas as pd

    return pd.read_csv(RESULTS_CSV, dtype={"table": str}, keep_default_na=False)

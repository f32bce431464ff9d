"""Printed numbers, of the paper in ``results.csv`` and of later ones, and the checkpoints of the paper's authors."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

RESULTS_CSV = Path(__file__).with_name("results.csv")
CHECKPOINTS_CSV = Path(__file__).with_name("checkpoints.csv")
SINCE_CSV = Path(__file__).with_name("since_the_paper.csv")
SAME = "same"  # the setting of later numbers that may stand beside ours
ADDRESS = "https://dl.fbaipublicfiles.com/maskformer/"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of the model zoos of Mask2Former and MaskFormer (MODEL_ZOO.md of facebookresearch's repositories).

    Attributes:
        table: a table that it fills a row of.
        row: our name of the row.
        task: of the row.
        path: below :data:`ADDRESS`.
    """

    table: str
    row: str
    task: str
    path: str

    @property
    def name(self) -> str:
        """The file's name, by which it is found wherever it lies."""
        return Path(self.path).name

    @property
    def address(self) -> str:
        """Where it is published."""
        return ADDRESS + self.path

    @property
    def md5(self) -> str:
        """How the file's MD5 begins, in hex, as its name says."""
        found = re.search(r"_([0-9a-f]{6})\.pkl$", self.path)
        assert found is not None
        return found[1]


def published_checkpoints() -> list[Checkpoint]:
    """Those that are of a row of the paper's tables, each with one row of those that it fills."""
    with CHECKPOINTS_CSV.open(newline="") as file:
        return [Checkpoint(**line) for line in csv.DictReader(file)]


def paper_results() -> "pd.DataFrame":
    """Columns ``table, method, backbone, variant, dataset, split, task, metric, value``.

    PQ, AP and mIoU in percent, ``params`` in millions, ``flops`` in billions, ``fps`` on a V100, ``memory`` in GB an
    image.
    """
    import pandas as pd

    return pd.read_csv(RESULTS_CSV, dtype={"table": str}, keep_default_na=False)


def lines_since_the_paper() -> list[dict[str, str]]:
    """The lines of :func:`since_the_paper` as words, without pandas, which takes a second to import."""
    with SINCE_CSV.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def since_the_paper() -> "pd.DataFrame":
    """What later papers print of rows of S1, S2 and S3.

    Columns as of :func:`paper_results`, ``variant`` being our row, and ``setting``, which is ``same`` or what was
    otherwise, ``published_as``, the method and its variant, and ``source``.
    """
    import pandas as pd

    return pd.read_csv(SINCE_CSV, dtype={"table": str}, keep_default_na=False)


def printed_results() -> "pd.DataFrame":
    """The paper's numbers, and those later ones that were had in the same setting: what ours may stand beside."""
    import pandas as pd

    later = since_the_paper()
    paper = paper_results()
    return pd.concat([paper, later.loc[later["setting"] == SAME, paper.columns]], ignore_index=True)

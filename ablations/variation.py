"""What a row of a paper table is: the baseline's config plus a few overrides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Provenance = Literal["exact", "inferred", "unspecified"]


@dataclass(frozen=True)
class Variation:
    """One row of a table.

    Attributes:
        name: the row's name in our results.
        overrides: dotted config keys and the values that replace what the config has there; the same at every scale.
        paper_row: the row's name in the paper's results, if it differs from ``name``.
        provenance: whether the paper fixes the design (exact), its numbers tell it (inferred) or nothing does.
        reason: why it has that provenance, in one sentence.
    """

    name: str
    overrides: Mapping[str, Any]
    paper_row: str = ""
    provenance: Provenance = "exact"
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.paper_row:
            object.__setattr__(self, "paper_row", self.name)


@dataclass(frozen=True)
class Study:
    """One table of the paper: its rows, the row they are compared with, and the tasks that it reports."""

    table: str
    title: str
    baseline: str
    variations: tuple[Variation, ...]
    tasks: tuple[str, ...]
    method: str = "Mask2Former"
    backbone: str = "R50"

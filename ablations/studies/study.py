"""What a row of a paper table is: the baseline's config plus a few overrides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from m2f.errors import InputError

AS_NAMED = "{name}"
Provenance = Literal["exact", "inferred", "unspecified", "own"]


@dataclass(frozen=True)
class Times:
    """An override's value: the number that the config has there, times ``factor``; a whole number stays whole.

    Where the config leaves a component's option at its default, that is the number. With ``multiple_of`` a whole number
    becomes the nearest multiple of it, which is at least once it: layers that read three scales in turn come in rounds.
    """

    factor: float
    multiple_of: int = 1

    def __post_init__(self) -> None:
        if self.multiple_of < 1:
            raise InputError(f"Times(multiple_of={self.multiple_of}): a multiple of 1 or more is wanted.")


@dataclass(frozen=True)
class Setting:
    """An override's value: what the config's top-level dict ``settings`` holds under the dotted ``name``.

    For what differs by scale, such as a schedule: each config has its own. ``settings`` itself is no part of a run.
    """

    name: str


@dataclass(frozen=True)
class Variation:
    """One row of a table.

    Attributes:
        name: the row's name in our results.
        overrides: dotted config keys and the values that replace what the config has there; the same at every scale.
        paper_row: the row's name in the paper's results, if it differs from ``name``; ``{task}`` in it is the task.
        provenance: whether the paper fixes the design (exact), its numbers tell it (inferred), nothing does
            (unspecified), or it is a user's (own).
        reason: why it has that provenance, in one sentence.
        method: the method's name in the results.
        backbone: the backbone's name in the results.
        imports: modules that register the row's components, beside m2f's own.
        dataset: the data set whose configs it changes, a folder of the scale's; the scale's own for each task if none
            is named, which at the paper's scale are COCO's and, for semantic segmentation, ADE20K's.
        tasks: those of the study's tasks that the row has; none named: all.
        choices: what the row chose of each of the study's factors; empty for a row beside those that are crossed.
    """

    name: str
    overrides: Mapping[str, Any]
    paper_row: str = AS_NAMED
    provenance: Provenance = "exact"
    reason: str = ""
    method: str = "Mask2Former"
    backbone: str = "R50"
    imports: tuple[str, ...] = ()
    dataset: str = ""
    tasks: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.paper_row == AS_NAMED:
            object.__setattr__(self, "paper_row", self.name)

    def named_by_the_paper(self, task: str) -> str:
        """The row's name in the paper's results of a task."""
        return self.paper_row.replace("{task}", task)


@dataclass(frozen=True)
class Evaluation:
    """How a study looks at runs that are trained already: the last checkpoint of each is evaluated once more.

    Attributes:
        overrides: dotted config keys and their values in the evaluation, on top of the row's.
        tasks: those of the study's tasks whose runs are evaluated; none named: all.
        adds: the metric that stands beside those of the training; where none is named, what the evaluation measures
            stands in their place.
    """

    overrides: Mapping[str, Any]
    tasks: tuple[str, ...] = ()
    adds: str = ""


@dataclass(frozen=True)
class Study:
    """One table or figure of the paper.

    Attributes:
        table: its name, as in the paper's results.
        title: what its rows differ in.
        baseline: the name of the row that the others are compared with.
        variations: its rows.
        tasks: the tasks that it reports.
        evaluation: how its runs are evaluated again; without, its numbers are those of the trainings alone.
        metric: the metric that is compared, by task, if not the task's usual one.
        note: what a reader of its rows must know, in one or two sentences.
        scales: the scales at which its rows can be run; none named: any.
        submission: where a test server alone tells the table's numbers, the options of ``m2f eval`` that make what it
            takes from a training's checkpoint.
        factors: what was crossed, if anything; the baseline is one of the rows that have chosen of each.
    """

    table: str
    title: str
    baseline: str
    variations: tuple[Variation, ...]
    tasks: tuple[str, ...]
    evaluation: Evaluation | None = None
    metric: Mapping[str, str] | None = None
    note: str = ""
    scales: tuple[str, ...] = ()
    submission: str = ""
    factors: tuple[str, ...] = ()

    @property
    def submitting(self) -> str:
        """The command that makes what the table's test server takes; empty where there is none."""
        return f"m2f eval RUN/config.py RUN/iter_N.pth --data DIR {self.submission}" if self.submission else ""

    def evaluated_again(self, task: str) -> Evaluation | None:
        """How the runs of a task are evaluated again, if they are."""
        evaluation = self.evaluation
        return evaluation if evaluation and task in (evaluation.tasks or self.tasks) else None

    def rows(self, task: str) -> tuple[Variation, ...]:
        """The rows that report a task."""
        return tuple(row for row in self.variations if task in (row.tasks or self.tasks))

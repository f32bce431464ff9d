"""How fast a table's rows are on this machine, beside their baseline and the paper's frames per second."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablations.costs.counted import SCALE
from ablations.planning.plan import config_of_scale, row_config
from ablations.planning.scales import chosen_scale
from ablations.store.results_frame import COLUMNS as RESULTS_COLUMNS
from ablations.studies.study import Study, Variation
from ablations.terminal import Column, folded, table

if TYPE_CHECKING:
    import pandas as pd

    from m2f.timing.speed import Timing

# Test image and training crop, (height, width) in pixels; COCO's commonest image of 480x640, resized and padded.
SIZES = {"coco": ((800, 1088), (1024, 1024)), "ade20k": ((512, 704), (512, 512))}
COLUMNS = (
    Column("table", once=True),
    Column("row", least=16),
    Column("prediction, s", right=True),
    Column("ratio", right=True),
    Column("training step, s", right=True),
    Column("ratio", right=True),
    Column("paper, fps", right=True),
)
CAPTION = (
    "Batch 1, float32, random weights; prediction with post-processing. Ratios are to the table's baseline; the "
    "paper's frames per second are a V100's."
)


@dataclass(frozen=True)
class Speed:
    """One row's times on this machine, its baseline's, and what the paper prints."""

    study: Study
    variation: Variation
    prediction: "Timing"
    training: "Timing"
    baseline: "tuple[Timing, Timing]"
    paper_fps: float | None


def study_speeds(study: Study, tell: Callable[[int, int], object]) -> list[Speed]:
    """Time the rows of a study at the paper's scale, in its first task; ``tell`` as for ``measure_speed``."""
    from ablations.paper import paper_results
    from m2f.timing.speed import measure_speed

    file = config_of_scale(chosen_scale(SCALE), study.tasks[0])
    rows = [row_config(file, variation.overrides) for variation in study.variations]
    timings = measure_speed([row["model"] for row in rows], *SIZES[file.config["dataset_name"]], tell)
    of_baseline = timings[[variation.name for variation in study.variations].index(study.baseline)]
    paper = paper_results()
    fps = paper[(paper["table"] == study.table) & (paper["metric"] == "fps")]
    printed = {
        key: float(value)
        for *key_parts, value in fps[["variant", "method", "backbone", "value"]].itertuples(index=False)
        for key in [tuple(key_parts)]
    }
    return [
        Speed(study, row, *own, of_baseline, printed.get((row.paper_row, row.method, row.backbone)))
        for row, own in zip(study.variations, timings, strict=True)
    ]


def speed_lines(speeds: Sequence[Speed], wide: int) -> Iterator[str]:
    """The times for people, on ``wide`` columns: median, fastest to slowest, and the ratio of medians."""
    rows = [
        (
            speed.study.table,
            speed.variation.name,
            _words(speed.prediction),
            f"{speed.prediction.median / speed.baseline[0].median:.2f}",
            _words(speed.training),
            f"{speed.training.median / speed.baseline[1].median:.2f}",
            f"{speed.paper_fps:g}" if speed.paper_fps else "",
        )
        for speed in speeds
    ]
    yield from table(COLUMNS, rows, wide)
    yield ""
    yield from folded(CAPTION, wide, indent=0)


def speed_frame(speeds: Sequence[Speed]) -> "pd.DataFrame":
    """The medians as a results frame: ``fps`` of predictions and ``train_seconds`` of a step."""
    import pandas as pd

    records = [
        {
            "table": speed.study.table,
            "variant": speed.variation.paper_row,
            "method": speed.variation.method,
            "backbone": speed.variation.backbone,
            "task": speed.study.tasks[0],
            "scale": SCALE,
            "metric": metric,
            "value": round(value, 4),
            "unit": unit,
        }
        for speed in speeds
        for metric, value, unit in (
            ("fps", 1 / speed.prediction.median, "1/s"),
            ("train_seconds", speed.training.median, "s"),
        )
    ]
    return pd.DataFrame(records, columns=list(RESULTS_COLUMNS)).fillna("")


def _words(timing: "Timing") -> str:
    return f"{timing.median:.2f} ({timing.fastest:.2f}-{timing.slowest:.2f})"

"""What the paper's rows cost, counted from their configs, beside what the paper prints."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.planning.plan import config_of_scale, read_config_file, row_config
from ablations.planning.scales import chosen_scale
from ablations.store.results_frame import COLUMNS
from ablations.store.run_record import RunRecord
from ablations.studies.study import Study, Variation
from ablations.terminal import Column, folded, table
from m2f.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

WITH_MEMORY = ("4e", "S1", "S2", "S3")  # tables that are compared by it, though the paper prints none
METRICS = ("params", "flops", "training_flops", "memory")
UNITS = {"params": "M", "flops": "G", "training_flops": "G", "memory": "GB"}
SCALE = "paper"
ROW = ("table", "variant", "method", "backbone")  # what tells the paper's rows apart
IDENTITY = (
    Column("table", once=True),
    Column("row", least=16),
    Column("method", least=10, once=True),
    Column("backbone", once=True),
)
BESIDE = (Column("paper", right=True), Column("difference", right=True), Column("m2f", right=True))
COUNTED = (
    "Reference: masks predicted densely after every layer. m2f: the same outputs, masks computed where they are used. "
    "FLOPs are multiply-accumulates as fvcore counts them."
)
OUTSIDE = (
    "'outside' is farther from the paper than 1 M parameters, 1% or 1 GFLOP (3% for BiFPN and MaskFormer, whose "
    "designs are inferred), or 25% of the memory."
)
DAGGER = (
    "\u2020: the paper's number is one without the masks of the five layers before the last, which MaskFormer's code "
    "predicts in inference too, and which m2f's column leaves out as well."
)
CAPTION = f"{COUNTED} {OUTSIDE} {DAGGER}"
# Designs that are inferred from the paper's own FLOPs may be as far off as another design that fits them as well.
INFERRED_DESIGNS = ("BiFPN", "MaskFormer")


@dataclass(frozen=True)
class CostRow:
    """One number of one row.

    Attributes:
        identity: table, variant, method, backbone, dataset, split and task, named as in the paper's results.
        metric: ``params`` in millions, ``flops`` of inference and ``training_flops`` of a step's forward and backward
            pass on one image in 10^9 multiply-accumulates, ``memory`` of that step in 10^9 bytes, as the
            reference computes; with the suffix ``_ours``, as m2f computes the same.
        value: the number.
        paper: what the paper prints, if anything.
    """

    identity: Mapping[str, str]
    metric: str
    value: float
    paper: float | None = None

    @property
    def tolerance(self) -> float:
        """How far the number may be from the paper's, which is rounded: an absolute distance."""
        assert self.paper is not None
        if self.metric == "params":
            return 1.0
        if self.metric == "memory":
            return 0.25 * self.paper
        inferred = self.identity["variant"] in INFERRED_DESIGNS or self.identity["method"] in INFERRED_DESIGNS
        return max(1.0, (0.03 if inferred else 0.01) * self.paper)

    @property
    def mark(self) -> str:
        """The sign that ``DAGGER`` explains, of MaskFormer's FLOPs in Table V; those on COCO contain all masks."""
        explained = self.identity["method"] == "MaskFormer" and self.identity.get("table") == "V"
        return "\u2020" if explained and self.metric == "flops" else ""

    @property
    def within(self) -> bool | None:
        """Whether the number, rounded as the paper's is, lies within its tolerance; None without a number to meet."""
        if self.paper is None:
            return None
        value = round(self.value) if self.metric == "params" else self.value
        return abs(value - self.paper) <= self.tolerance


def study_costs(studies: Iterable[Study]) -> list[CostRow]:
    """The costs of the studies' rows at the paper's scale, those that the paper prints and those of m2f beside them.

    A row that the paper prints no cost of is counted all the same, in its study's first task.
    """
    from ablations.paper import paper_results

    printed = _printed(paper_results())
    files: dict[tuple[str, str], Any] = {}
    rows: list[CostRow] = []
    for study in studies:
        for variation in study.variations:
            own_tasks = variation.tasks or study.tasks
            own = (study.table, variation.named_by_the_paper(own_tasks[0]), variation.method, variation.backbone)
            numbers = printed.get(own, {})
            task = next((task for task, metric in numbers if metric in METRICS), own_tasks[0])
            key = (variation.dataset, task)
            if key not in files:
                files[key] = config_of_scale(chosen_scale(SCALE), task, variation.dataset)
            config = row_config(files[key], variation.overrides)
            identity = _identity(study, variation, config)
            memory = study.table in WITH_MEMORY or (task, "memory") in numbers
            costs = config_costs(config, memory, every_layer=variation.method == "MaskFormer")
            for metric, value in costs.items():
                rows.append(CostRow(identity, metric, value, numbers.get((task, metric))))
    return rows


def config_costs(
    config: Mapping[str, Any], memory: bool, every_layer: bool = False, where: str = "the config"
) -> dict[str, float]:
    """A config's costs by metric.

    Args:
        config: a whole config.
        memory: whether to count a training step too, its FLOPs and its memory, which takes longest.
        every_layer: whether the reference predicts every layer's masks in inference, as MaskFormer's does.
        where: the config's file, for a sentence.

    Raises:
        InputError: a part of the model is not registered.
    """
    from m2f.cost import flops, images_of, parameters
    from m2f.registered_types import require_registered

    require_registered({"model": config["model"]}, where)
    model, images = config["model"], images_of(config)
    costs = {
        "params": parameters(model) / 1e6,
        "flops": flops(with_masks(model, "dense"), images, every_layer) / 1e9,
        "flops_ours": flops(with_masks(model, "embedded"), images) / 1e9,
    }
    if memory:
        from m2f.cost.memory import training_memory
        from m2f.cost.training_flops import training_flops

        for suffix, way in (("", "dense"), ("_ours", "embedded")):
            costs[f"training_flops{suffix}"] = training_flops(with_masks(model, way)) / 1e9
            costs[f"memory{suffix}"] = training_memory(with_masks(model, way)).peak / 1e9
    return costs


def inference_flops(run: RunRecord) -> float:
    """Multiply-accumulates of one forward pass of a run's model on the images that the paper counts on.

    Masks are predicted densely after every layer, as in the paper's own numbers.

    Raises:
        InputError: the model has parts that are not registered.
    """
    from m2f.cost import flops, images_of
    from m2f.registered_types import require_registered

    run.require_imported()
    require_registered({"model": run.model}, str(run.directory))
    return flops(with_masks(run.model, "dense"), images_of(run.config))


def with_masks(model: Mapping[str, Any], way: str) -> dict[str, Any]:
    """A model's config with masks predicted the reference's way, ``dense``, or m2f's, ``embedded``."""
    return {**model, "transformer_decoder": {**model["transformer_decoder"], "mask_prediction": way}}


def file_costs(path: Path) -> list[CostRow]:
    """The costs of a config file's model.

    Raises:
        InputError: the file is missing, or is no config of a model.
    """
    file = read_config_file(path)
    if "model" not in file.config:
        raise InputError(f"{path} has no 'model' whose cost could be counted.")
    keys = {"variant": str(path), "dataset": "dataset_name", "split": "split", "task": "task"}
    identity = {name: str(file.config.get(key, "")) for name, key in keys.items()} | {"variant": str(path)}
    costs = config_costs(file.config, memory=True, where=str(path))
    return [CostRow({"table": "", "method": "", "backbone": "", **identity}, *cost) for cost in costs.items()]


def cost_frame(rows: Sequence[CostRow]) -> "pd.DataFrame":
    """The rows as a results frame; seed and run are empty."""
    import pandas as pd

    records = [
        {
            **row.identity,
            "scale": SCALE,
            "seed": "",
            "metric": row.metric,
            "value": round(row.value, 3),
            "unit": UNITS[row.metric.removesuffix("_ours")],
            "run": "",
        }
        for row in rows
    ]
    return pd.DataFrame(records, columns=list(COLUMNS))


def read_costs(path: Path) -> list[CostRow]:
    """The rows of a file that holds a ``cost_frame`` as CSV, what the paper prints beside them."""
    import pandas as pd

    from ablations.paper import paper_results

    printed = _printed(paper_results())
    rows = []
    for record in pd.read_csv(path, dtype={"table": str}, keep_default_na=False).to_dict("records"):
        identity = {name: record[name] for name in COLUMNS[: COLUMNS.index("scale")]}
        numbers = printed.get(tuple(identity[name] for name in ROW), {})
        paper = numbers.get((record["task"], record["metric"]))
        rows.append(CostRow(identity, record["metric"], float(record["value"]), paper))
    return rows


def cost_lines(rows: Sequence[CostRow], wide: int) -> Iterator[str]:
    """The rows for people, on ``wide`` columns: a table a metric, each row's beside the paper's and m2f's own."""
    for metric in METRICS:
        ours = {tuple(row.identity.values()): row for row in rows if row.metric == f"{metric}_ours"}
        cells = [_cells(row, ours.get(tuple(row.identity.values()))) for row in rows if row.metric == metric]
        if cells:
            yield from table([*IDENTITY, Column(f"{metric}, {UNITS[metric]}", right=True), *BESIDE], cells, wide)
            yield ""
    yield from folded(COUNTED, wide, indent=0)
    if any(row.paper is not None for row in rows):
        yield from folded(OUTSIDE, wide, indent=0)
    if any(row.mark for row in rows):
        yield from folded(DAGGER, wide, indent=0)


def _cells(row: CostRow, ours: CostRow | None) -> tuple[str, ...]:
    """Who it is, reference, paper, difference and what m2f takes, as far as they are known."""
    beside = ("", "")
    if row.paper is not None:
        difference = f"{100 * (row.value / row.paper - 1):+.1f}%" + ("" if row.within else " outside") + row.mark
        beside = (f"{row.paper:g}", difference)
    return (*(row.identity[name] for name in ROW), f"{row.value:.1f}", *beside, f"{ours.value:.1f}" if ours else "")


def _identity(study: Study, variation: Variation, config: Mapping[str, Any]) -> dict[str, str]:
    return {
        "table": study.table,
        "variant": variation.named_by_the_paper(config["task"]),
        "method": variation.method,
        "backbone": variation.backbone,
        "dataset": config["dataset_name"],
        "split": config["split"],
        "task": config["task"],
    }


def _printed(paper: "pd.DataFrame") -> dict[tuple[str, ...], dict[tuple[str, str], float]]:
    """The paper's costs by row, then by task and metric."""
    costs: dict[tuple[str, ...], dict[tuple[str, str], float]] = {}
    for row in paper[paper["metric"].isin(METRICS)].to_dict("records"):
        key = tuple(row[name] for name in ROW)
        costs.setdefault(key, {})[row["task"], row["metric"]] = float(row["value"])
    return costs

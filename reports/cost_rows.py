"""The costs of the paper's rows as they were counted once for the report, beside the paper's own."""

from collections.abc import Sequence

from ablations.costs.counted import METRICS, ROW, UNITS, CostRow, read_costs
from ablations.reports import REFERENCE
from ablations.reports.text import DASH, number, signed, table_label
from ablations.studies.study import Study

COSTS_CSV = REFERENCE / "costs.csv"
NO_PAPER_NUMBER = "no paper number"
GIGA = 1e9
AGAINST_COUNTED_FLOPS = "S3"  # the study that is drawn over them, whatever the scale of the runs
NAMES = {"params": "parameters", "flops": "FLOPs", "training_flops": "FLOPs of a training step", "memory": "memory"}


def counted_costs() -> list[CostRow]:
    """The committed costs of all tables: they depend on no run, and to count them takes minutes."""
    return read_costs(COSTS_CSV)


def cost_rows(study: Study, costs: Sequence[CostRow]) -> list[dict[str, str]]:
    """The costs of a study's rows as a report shows them, one line a row and metric, in the study's order."""
    lines = []
    for variation in study.variations:
        own = [row for row in costs if variation.dataset in ("", row.identity["dataset"])]
        counted = {(*(row.identity[name] for name in ROW), row.metric): row for row in own}
        task = (variation.tasks or study.tasks)[0]
        key = (study.table, variation.named_by_the_paper(task), variation.method, variation.backbone)
        lines += [
            _line(variation.name, counted[*key, metric], counted.get((*key, f"{metric}_ours")))
            for metric in METRICS
            if (*key, metric) in counted
        ]
    return lines


def counted_flops(study: Study, costs: Sequence[CostRow]) -> dict[str, float]:
    """Multiply-accumulates of a forward pass by the study's rows, at the paper's scale, as the reference computes."""
    counted = {row.identity["variant"]: row.value for row in costs if _is_flops_of(row, study)}
    return {row.name: counted[row.name] * GIGA for row in study.variations if row.name in counted}


def _is_flops_of(row: CostRow, study: Study) -> bool:
    return row.identity["table"] == study.table and row.metric == "flops"


def cost_summary(costs: Sequence[CostRow]) -> str:
    """How many costs that the paper prints were counted, and which lie outside their tolerance; empty without any."""
    printed = [row for row in costs if row.paper is not None]
    if not printed:
        return ""
    outside = [_named(row) for row in printed if not row.within]
    named = f"{len(outside)} ({'; '.join(outside)})" if outside else "none"
    return (
        "Costs at the paper's scale: numbers of parameters, FLOPs and memory that the paper prints and that were "
        f"counted: {len(printed)}; outside the tolerance: {named}."
    )


def _line(design: str, row: CostRow, ours: CostRow | None) -> dict[str, str]:
    unit = UNITS[row.metric]
    return {
        "variant": design,
        "metric": f"{NAMES[row.metric]}, {unit}",
        "paper": DASH if row.paper is None else f"{row.paper:g}",
        "counted": number(row.value, unit),
        "difference": DASH if row.paper is None else _difference(row.value, row.paper) + row.mark,
        "tolerance": {True: "inside", False: "outside", None: NO_PAPER_NUMBER}[row.within],
        "ours": number(ours.value, unit) if ours else DASH,
    }


def _difference(value: float, paper: float) -> str:
    return f"{signed(100 * (value / paper - 1))}%"


def _named(row: CostRow) -> str:
    assert row.paper is not None
    unit = UNITS[row.metric]
    name = ", ".join([table_label(row.identity["table"]), *(row.identity[key] for key in ROW[1:])])
    return f"{name}: {NAMES[row.metric]} {number(row.value, unit)} {unit}, the paper's {row.paper:g} {unit}"

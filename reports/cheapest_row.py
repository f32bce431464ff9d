"""Which of the cheaper pixel decoders is as good as the paper's: the answer of the study that is drawn over FLOPs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ablations.reports.cost_rows import AGAINST_COUNTED_FLOPS, GIGA
from ablations.reports.section import Section
from ablations.reports.text import listing, signed_with_bounds
from ablations.studies.keys import PIXEL_DECODER
from ablations.studies.study import Study

COMPONENT = PIXEL_DECODER.removesuffix("type")

Row = Mapping[Any, Any]


def cheapest(section: Section, sides: Sequence[tuple[Row, str]], good: Sequence[str], bad: str) -> Iterable[str]:
    """The cheapest pixel decoder that is known to be level or above, and the cheaper ones that are not told.

    Nothing where no row that is cheaper was run, or the study is not drawn over FLOPs.

    Args:
        section: the study's, with the FLOPs of its rows.
        sides: the rows that were run, each with where it lies beside the baseline.
        good: where one lies that is as good as the baseline.
        bad: where one lies that is not; elsewhere lie those of which nothing can be told.
    """
    flops, baseline = section.flops, section.study.baseline
    if section.study.table != AGAINST_COUNTED_FLOPS or baseline not in flops:
        return
    own = [(row, side) for row, side in sides if row["variant"] in _pixel_decoders(section.study)]
    known = [(row, side) for row, side in own if row["variant"] in flops]
    cheaper = sorted(
        ((flops[row["variant"]], row, side) for row, side in known if flops[row["variant"]] < flops[baseline]),
        key=lambda found: found[0],
    )
    if cheaper:
        yield _found(cheaper, good, bad, flops[baseline])
    if uncounted := [row["variant"] for row, _ in own if row["variant"] not in flops]:
        yield f"Without counted FLOPs, and left out: {'; '.join(uncounted)}."


def _found(cheaper: Sequence[tuple[float, Row, str]], good: Sequence[str], bad: str, beside: float) -> str:
    best = next((found for found in cheaper if found[2] in good), None)
    untold = [row["variant"] for flops, row, side in cheaper if side not in (*good, bad) and _below(flops, best)]
    count = len(cheaper)
    decoders = f"{count} cheaper pixel decoder{'s' if count > 1 else ''} run"
    cannot = f"of {len(untold)}{' cheaper still' if best else ''} nothing can be told ({listing(untold)})"
    if best is None:
        told = f"Of {decoders}, none is known to be level with the baseline or above it"
        return f"{told}; {cannot}." if untold else f"{told}: all are below it."
    flops, row, _ = best
    difference = signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], row["unit"])
    return (
        f"Of {decoders}, the cheapest that is known to be level with the baseline or above it is {row['variant']}, "
        f"{difference}, with {flops / GIGA:.3g} GFLOPs on COCO panoptic at the paper's scale, where the baseline has "
        f"{beside / GIGA:.3g}{f'; {cannot}' if untold else ''}."
    )


def _below(flops: float, best: tuple[float, Row, str] | None) -> bool:
    return best is None or flops < best[0]


def _pixel_decoders(study: Study) -> set[str]:
    """The rows that change the baseline's pixel decoder and nothing else."""
    baseline = next(dict(row.overrides) for row in study.variations if row.name == study.baseline)
    return {
        row.name
        for row in study.variations
        if all(key.startswith(COMPONENT) or baseline.get(key) == value for key, value in row.overrides.items())
    }

"""The model of a config beside other implementations of it, measured on this machine."""

import json
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.costs.peers_csv import record
from ablations.planning.plan import read_config_file
from ablations.planning.scales import CONFIGS
from ablations.terminal import Column, folded, table
from m2f.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from m2f.timing.beside_peers import Measurement
    from m2f.timing.evaluation import EvaluationSpeed
    from m2f.timing.peak_memory import PeakMemory
    from m2f.timing.precision import Difference

PAPER = CONFIGS / "paper" / "panoptic.py"
COLUMNS = (
    *(Column("work", least=7), Column("pixels", right=True), Column("batch", right=True), Column("precision", least=5)),
    *(Column("library", least=8), Column("s", right=True), Column("times as long as m2f", right=True, least=5)),
    *(Column("95% interval", right=True, least=9), Column("rounds", right=True), Column("warm-up, s", right=True)),
    *(Column("of GEMM peak", right=True), Column("MB added", right=True), Column("MB in all", right=True)),
)
EXPLAINED = (
    "Medians of rounds in turn. Ratios to m2f's in the same precision; warm-up: the first run, with compilation where "
    "there is any; of GEMM peak: counted multiply-accumulates; MB added: at the peak, by the work to the model that "
    "was there; MB in all: the process at its peak."
)
TIMED = (
    *(Column("work", least=8), Column("images", right=True), Column("s", right=True), Column("peer", least=8)),
    *(Column("its s", right=True), Column("times as long", right=True, least=5)),
    Column("largest difference", right=True, least=8),
)


def compare_peers(
    config: Path | None,
    sizes: Sequence[int],
    batches: Sequence[int],
    precisions: Sequence[str] | None,
    peers: Sequence[str] | None,
    rounds: int,
    memory: bool,
    tell: Callable[[str], object],
) -> "Iterator[Measurement]":
    """Measure, and tell each result as it comes.

    Args:
        config: file whose model is measured; the paper's panoptic one by default.
        sizes: see :func:`m2f.timing.beside_peers.compare`, also for what is not named here.
        batches: see there.
        precisions: by default all that the device computes in, which is told.
        peers: see there.
        rounds: see there.
        memory: see there.
        tell: takes a line of text.

    Raises:
        InputError: the file is no config of a model, or as ``compare`` does.
    """
    from m2f.registered_types import require_registered
    from m2f.timing.beside_peers import compare, device_precisions, main_device

    path = config or PAPER
    file = read_config_file(path)
    if "model" not in file.config:
        raise InputError(f"{path} has no 'model' that could be measured.")
    require_registered({"model": file.config["model"]}, str(path))
    if precisions is None:
        precisions = device_precisions(main_device())
        tell(f"This machine computes in {' and '.join(precisions)}.")
    for one in compare(file.config["model"], sizes, batches, precisions, peers, rounds, memory, tell):
        tell(
            f"{one.work}, {one.size} pixels, batch {one.batch}, {one.precision}: {one.library} {one.seconds:.2f} s, "
            f"{ratio_words(one)} as long as m2f"
        )
        yield one


def peers_json(measurements: "Sequence[Measurement]") -> str:
    """A list of objects, see :func:`ablations.costs.peers_csv.record`."""
    return json.dumps([record(one) for one in measurements], indent=1)


def ratio_words(one: "Measurement") -> str:
    """The ratio, with half the width of its interval, or that it is not known well enough."""
    from m2f.timing.settled import SETTLED

    if one.ratio.spread < SETTLED:
        return f"{one.ratio.median:.2f} times ± {one.ratio.spread:.1%}"
    known = f"± {one.ratio.spread:.0%}" if isfinite(one.ratio.spread) else "too few rounds"
    return f"{one.ratio.median:.2f} times (not settled: {known})"


def show_peers(measurements: "Sequence[Measurement]", console: "Console") -> None:
    """Print a table, what the machine can do at most, what is not settled, and what a lower precision changes."""
    from m2f.timing.settled import SETTLED

    console.out("\n".join(peers_table(measurements, console.width)), highlight=False)
    for name, value in measurements[0].environment.items():
        console.print(f"{name}: {value}", highlight=False)
    for precision, peak in {one.precision: one.gemm_peak for one in measurements}.items():
        line = f"Best matrix product in {precision}: {2 * peak / 1e9:.0f} GFLOP/s, a multiply-accumulate being two."
        console.print(line, highlight=False)
    unsettled = sum(one.ratio.spread >= SETTLED for one in measurements)
    settled = "All ratios are" if not unsettled else f"{unsettled} of {len(measurements)} ratios are not"
    console.print(f"{settled} known to {SETTLED:.0%}.", highlight=False)
    for (size, batch, precision), changed in {
        (one.size, one.batch, one.precision): one.difference for one in measurements if one.difference
    }.items():
        where = f"{precision} and float32 with these random weights, {size} pixels, batch {batch}"
        console.print(f"{where}: {difference_words(changed)}.", highlight=False)


def peers_table(measurements: "Sequence[Measurement]", wide: int) -> Iterator[str]:
    """Times, ratios and memory, one work of one library a line, ``wide`` columns at most."""
    yield from table(COLUMNS, map(_cells, measurements), wide)
    yield from folded(EXPLAINED, wide, indent=0)


def _cells(one: "Measurement") -> tuple[str, ...]:
    low, high = one.ratio.low, one.ratio.high
    return (
        *(one.work, str(one.size), str(one.batch), one.precision, one.library, f"{one.seconds:.2f}"),
        *(f"{one.ratio.median:.2f}", "" if low is None else f"{low:.2f}-{high:.2f}", str(one.rounds)),
        *(f"{one.warm_up:.1f}", f"{one.gemm_share:.0%}", *megabytes(one.memory)),
    )


def evaluation_table(speeds: "Sequence[EvaluationSpeed]", times_are: str, wide: int) -> Iterator[str]:
    """Times of metrics, one a line, ``wide`` columns at most; ``times_are`` says what they are."""
    cells = [
        (
            *(one.work, str(one.images), f"{one.ours:.2f}", one.peer, f"{one.theirs:.2f}"),
            *(f"{one.ratio:.1f}", f"{one.difference:.1e}"),
        )
        for one in speeds
    ]
    yield from table(TIMED, cells, wide)
    yield from folded(f"{times_are}; the difference is in percentage points.", wide, indent=0)


def megabytes(memory: "PeakMemory | None") -> tuple[str, str]:
    """What the work added and all of it."""
    return (f"{memory.work / 1e6:.0f}", f"{memory.total / 1e6:.0f}") if memory else ("", "")


def difference_words(difference: "Difference") -> str:
    """What a precision changed."""
    parts = [
        f"class probabilities differ by {difference.probability_mean:.1e} in the mean, "
        f"{difference.probability_max:.3f} at most",
        f"{difference.mask_pixels:.2%} of mask pixels",
    ]
    if difference.semantic_pixels is not None:
        parts.append(f"{difference.semantic_pixels:.2%} of pixels' classes")
    if difference.panoptic_pixels is not None:
        parts.append(f"{difference.panoptic_pixels:.2%} of pixels' panoptic segments")
    return ", ".join(parts)

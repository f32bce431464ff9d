"""The model of a config beside other implementations of it, measured on this machine."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.planning.plan import read_config_file
from ablations.planning.scales import CONFIGS
from m2f.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from m2f.timing.beside_peers import Comparison
    from m2f.timing.evaluation import EvaluationSpeed
    from m2f.timing.peak_memory import PeakMemory
    from m2f.timing.precision import Difference

PAPER = CONFIGS / "paper" / "panoptic.py"
COLUMNS = (
    *("work", "pixels", "batch", "precision", "of GEMM peak", "s", "MB added", "MB in all", "peer"),
    *("its s", "times as long", "MB added", "MB in all", "times as much"),
)


def compare_peers(
    config: Path | None,
    sizes: Sequence[int],
    batches: Sequence[int],
    precisions: Sequence[str] | None,
    peers: Sequence[str],
    repeats: int,
    memory: bool,
    tell: Callable[[str], object],
) -> "list[Comparison]":
    """Measure, and tell each result as it comes.

    Args:
        config: file whose model is measured; the paper's panoptic one by default.
        sizes: see :func:`m2f.timing.beside_peers.compare`, also for what is not named here.
        batches: see there.
        precisions: by default all that the device computes in, which is told.
        peers: see there.
        repeats: see there.
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
    comparisons = []
    for one in compare(file.config["model"], sizes, batches, precisions, peers, repeats, memory):
        tell(
            f"{one.work}, {one.size} pixels, batch {one.batch}, {one.precision}: {one.ours:.2f} s, "
            f"{one.peer} {one.theirs:.2f} s"
        )
        comparisons.append(one)
    return comparisons


def peers_json(comparisons: "Sequence[Comparison]") -> str:
    """A list of objects with the fields of :class:`m2f.timing.beside_peers.Comparison`."""
    return json.dumps([asdict(one) for one in comparisons], indent=1)


def show_peers(comparisons: "Sequence[Comparison]", console: "Console") -> None:
    """Print a table, what the machine can do at most, and what a lower precision changes."""
    console.print(peers_table(comparisons))
    peaks = {one.precision: one.gemm_peak for one in comparisons}
    for precision, peak in peaks.items():
        line = f"Best matrix product in {precision}: {2 * peak / 1e9:.0f} GFLOP/s, a multiply-accumulate being two."
        console.print(line, highlight=False)
    for (size, batch, precision), changed in {
        (one.size, one.batch, one.precision): one.difference for one in comparisons if one.difference
    }.items():
        where = f"{precision} and float32 with these random weights, {size} pixels, batch {batch}"
        console.print(f"{where}: {difference_words(changed)}.", highlight=False)


def peers_table(comparisons: "Sequence[Comparison]") -> "Table":
    """Times, memory and their ratios, one comparison a row."""
    from rich.table import Table

    environment = comparisons[0].environment
    caption = (
        f"Medians on {environment['device']}, {environment['threads']} threads, torch {environment['torch']}; peers in "
        "float32; MB added: at the peak, by the work to the model that was there; MB in all: the process at its peak."
    )
    table = Table(*COLUMNS, caption=caption, caption_justify="left")
    for one in comparisons:
        table.add_row(
            *(one.work, str(one.size), str(one.batch), one.precision, f"{one.gemm_share:.0%}", f"{one.ours:.2f}"),
            *megabytes(one.our_memory),
            *(one.peer, f"{one.theirs:.2f}", f"{one.ratio:.2f}"),
            *megabytes(one.their_memory),
            f"{one.memory_ratio:.2f}" if one.memory_ratio else "",
        )
    return table


def evaluation_table(speeds: "Sequence[EvaluationSpeed]") -> "Table":
    """Times of metrics, one a row."""
    from rich.table import Table

    columns = ("work", "images", "s", "peer", "its s", "times as long", "largest difference")
    table = Table(*columns, caption="Medians of processor time; the difference is in percentage points.")
    for one in speeds:
        times = (f"{one.ours:.2f}", one.peer, f"{one.theirs:.2f}", f"{one.ratio:.1f}")
        table.add_row(one.work, str(one.images), *times, f"{one.difference:.1e}")
    return table


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

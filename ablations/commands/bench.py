"""``m2f bench``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ablations.commands.options import PATH, Commands, chosen_word, make_console
from ablations.terminal import width
from m2f.errors import InputError


@click.group(cls=Commands)
def bench() -> None:
    """Measure m2f beside other implementations on this machine."""


@bench.command("peers")
@click.option("--sizes", default="512", show_default=True, metavar="N,...", help="Pixels of an image's side.")
@click.option("--batches", default="1", show_default=True, metavar="N,...", help="Images at a time.")
@click.option(
    "--precision", metavar="NAME,...", help="float32, bfloat16.  [default: all that this machine computes in]"
)
@click.option(
    "--peers",
    metavar="NAME,...",
    help="Some of mmdet, transformers, transformers-compiled, openvino.  [default: all that can be built here]",
)
@click.option("--rounds", type=click.IntRange(min=1), default=20, show_default=True, help="The most that count.")
@click.option("--memory/--no-memory", default=True, show_default=True, help="Measure peaks of memory too.")
@click.option("--model", "config", type=PATH, metavar="CONFIG", help="A config's model instead of the paper's, R50.")
@click.option(
    "--csv", "csv_directory", type=PATH, metavar="DIR", help="Write a file named by processor, torch and date."
)
@click.option("--json", "as_json", is_flag=True, help="A list of objects, those of --csv.")
def bench_peers(
    sizes: str,
    batches: str,
    precision: str | None,
    peers: str | None,
    rounds: int,
    memory: bool,
    config: Path | None,
    csv_directory: Path | None,
    as_json: bool,
) -> None:
    """Training step, prediction and forward pass beside other implementations of Mask2Former.

    Weights are random and the same in all. A training step is forward pass, loss and backward pass; a prediction
    includes post-processing, a forward pass does not. All libraries take turns, round after round, until the ratio of
    each to m2f is known to 5%. Everything at once: --sizes 512,1024 --batches 1,2.
    """
    from ablations.costs.beside_peers import compare_peers, peers_json, show_peers
    from ablations.costs.peers_csv import new_csv, write_csv
    from m2f.peers import PEERS
    from m2f.timing.beside_peers import PRECISIONS

    file = new_csv(csv_directory) if csv_directory else None
    measurements = []
    for one in compare_peers(
        config,
        sizes=chosen_numbers(sizes, "--sizes"),
        batches=chosen_numbers(batches, "--batches"),
        precisions=chosen_words(precision, PRECISIONS, "precision"),
        peers=chosen_words(peers, PEERS, "peer"),
        rounds=rounds,
        memory=memory,
        tell=lambda line: click.echo(line, err=True),
    ):
        measurements.append(one)
        if file:
            write_csv(file, measurements)
    if as_json:
        click.echo(peers_json(measurements))
    else:
        show_peers(measurements, make_console())


@bench.command("evaluation")
@click.option(
    "--images", type=click.IntRange(min=10), default=100, show_default=True, help="Scenes that are evaluated."
)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds that count.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a work.")
def bench_evaluation(images: int, repeats: int, as_json: bool) -> None:
    """PQ and AP beside panopticapi's algorithm and pycocotools, from the same predictions of generated scenes.

    Times are the processor's, of all threads together.
    """
    from ablations.costs.beside_peers import evaluation_table
    from m2f.timing.evaluation import compare_evaluation

    speeds = compare_evaluation(images, repeats=repeats)
    if as_json:
        click.echo(json.dumps([asdict(speed) for speed in speeds], indent=1))
    else:
        click.echo("\n".join(evaluation_table(speeds, "Medians of processor time", width())))


@bench.command("cityscapes")
@click.option(
    "--images", type=click.IntRange(min=1), default=500, show_default=True, help="Frames, 1024 x 2048 pixels."
)
@click.option("--detections", type=click.IntRange(min=1), default=20, show_default=True, help="Masks a frame.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a metric.")
def bench_cityscapes(images: int, detections: int, as_json: bool) -> None:
    """Cityscapes' AP, mIoU and PQ beside cityscapesScripts and panopticapi's algorithm, from generated predictions.

    It takes some minutes and a few hundred MB of temporary files, and `pip install 'm2f[bench]'`. Times are the
    processor's, of all threads together, each measured once.
    """
    import sys

    from rich.console import Console

    from ablations.costs.beside_peers import evaluation_table
    from ablations.evaluation import shown_progress
    from m2f.timing.cityscapes_evaluation import compare_cityscapes

    with shown_progress(Console(file=sys.stderr)) as progress:
        speeds = compare_cityscapes(images, detections, tell=progress)
    if as_json:
        click.echo(json.dumps([asdict(speed) for speed in speeds], indent=1))
    else:
        click.echo("\n".join(evaluation_table(speeds, "Processor time, measured once", width())))


def chosen_numbers(numbers: str, option: str) -> list[int]:
    """Whole numbers above zero from ``512,1024``."""
    words = [word.strip() for word in numbers.split(",")]
    if not all(word.isdecimal() and int(word) for word in words):
        raise InputError(f"{option} must be whole numbers from 1 on separated by commas, such as 1,2, not '{numbers}'.")
    return list(dict.fromkeys(map(int, words)))


def chosen_words(words: str | None, known: Any, kind: str) -> list[str] | None:
    """Known words from ``one,another``; None if none were given."""
    if words is None:
        return None
    return list(dict.fromkeys(chosen_word(word.strip(), known, kind) for word in words.split(",")))

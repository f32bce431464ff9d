"""``m2f predict``."""

import signal
import sys
from pathlib import Path

import click

from ablations.commands.options import INTERRUPTED, PATH, import_option


@click.command()
@click.argument("checkpoint", type=PATH)
@click.argument("images", type=PATH, nargs=-1, required=True, metavar="IMAGE|DIR...")
@click.option(
    "--out", type=PATH, default="predictions", show_default=True, metavar="DIR", help="New directory for the results."
)
@click.option(
    "--task",
    type=click.Choice(["panoptic", "instance", "semantic"]),
    help="What to predict; a panoptic model answers all three.  [default: the model's own]",
)
@click.option("--device", metavar="NAME", help="Such as cpu or cuda:1.  [default: the first GPU, else the CPU]")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Images at a time.")
@click.option("--config", type=PATH, metavar="FILE", help="Of a checkpoint that does not say how its model is built.")
@import_option
def predict(
    checkpoint: Path,
    images: tuple[Path, ...],
    out: Path,
    task: str | None,
    device: str | None,
    batch: int,
    config: Path | None,
) -> None:
    """Segment images with the model of CHECKPOINT.

    CHECKPOINT is whatever m2f convert reads. Ours say how their model is built; the paper's models are known by their
    tensors; all else needs --config. Nothing that it brings is run.

    Writes overlays/, the predictions in COCO's result formats, semantic maps as PNGs, and images.json and
    categories.json. Predictions are never written over: the directory for the results must not exist.
    """
    from rich.console import Console

    from ablations.evaluation import Words, shown_progress
    from m2f.engine.predict_files import predict_files
    from m2f.engine.segmenter import load

    # A scheduler's request to end is met like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        segmenter = load(checkpoint, task, device, config)
        words = Words("segmenting", "segmented", "writing the results")
        with shown_progress(Console(file=sys.stderr), words) as progress:
            count = predict_files(segmenter, images, out, batch, progress)
    except KeyboardInterrupt:
        click.echo("Stopped. Nothing is kept.", err=True)
        sys.exit(INTERRUPTED)
    click.echo(f"{count} image{'s' * (count != 1)} segmented: {segmenter.task}, {len(segmenter.classes)} classes.")
    click.echo(f"Pictures are in {out / 'overlays'}, predictions beside them.")

"""``m2f eval``."""

import signal
import sys
from pathlib import Path
from typing import Literal

import click

from ablations.commands.options import INTERRUPTED, PATH, import_option, make_console
from m2f.errors import InputError

SERVERS = (
    *("coco-panoptic", "coco-instance", "ade20k"),
    *("cityscapes-semantic", "cityscapes-instance", "cityscapes-panoptic"),
)


@click.command("eval")
@click.argument("config", type=PATH)
@click.argument("checkpoint", type=PATH)
@click.option("--data", type=PATH, required=True, metavar="DIR", help="The data set, for COCO in its layout.")
@click.option("--split", metavar="SPLIT", help="Part of the data set.  [default: the config's, for COCO val2017]")
@click.option(
    "--out", type=PATH, default="evaluation", show_default=True, metavar="DIR", help="New directory for the results."
)
@click.option(
    "--classes-from",
    type=click.Choice(["checkpoint", "data"]),
    default="checkpoint",
    show_default=True,
    help="Whose names of the classes count: CHECKPOINT's, which the data's must be; or the data's, place by place.",
)
@click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Replace a value of CONFIG; settings.NAME is what CONFIG has under that name, such as a backbone.",
)
@click.option("--multi-scale", is_flag=True, help="Test a semantic model at six sizes, each also flipped: mIoU_ms.")
@click.option(
    "--submission",
    type=click.Choice(SERVERS),
    help="Predict the test images of DIR, which have no truth, and write the zip that the server takes.",
)
@click.option("--json", "as_json", is_flag=True, help="One object, with the metrics and a list of the classes.")
@import_option
def evaluate(
    config: Path,
    checkpoint: Path,
    data: Path,
    split: str | None,
    out: Path,
    classes_from: Literal["checkpoint", "data"],
    overrides: tuple[str, ...],
    multi_scale: bool,
    submission: str | None,
    as_json: bool,
) -> None:
    """Evaluate CHECKPOINT, a model as CONFIG says, on a data set.

    CONFIG is a file as in configs/, or the config.py of a run; CHECKPOINT is whatever m2f convert reads. For COCO, DIR
    holds annotations/panoptic_SPLIT.json and annotations/panoptic_SPLIT/, annotations/instances_SPLIT.json, and the
    images in SPLIT/; for other data sets it is laid out as `m2f data prepare` leaves it.

    For --submission, DIR holds COCO's annotations/image_info_test-dev2017.json, test2017/ and, for panoptic models,
    annotations/panoptic_val2017.json; ADE20K's images/testing/; or Cityscapes' leftImg8bit/test/.

    Writes metrics.json, per_class.csv and the predictions in COCO's result formats. An evaluation is never written
    over: the directory for the results must not exist.
    """
    from dataclasses import asdict
    from json import dumps

    from rich.console import Console

    from ablations.evaluation import show, shown_progress
    from ablations.planning.overrides import overriding
    from ablations.running.worker import input_sentence
    from m2f.engine.coco_evaluation import evaluate_on

    if submission and split:
        raise InputError("--submission has test images of its own; leave out --split.")
    # A scheduler's request to end is met like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with shown_progress(Console(file=sys.stderr)) as progress:
            evaluation = evaluate_on(
                config,
                checkpoint,
                data,
                out,
                split,
                progress,
                classes_from,
                multi_scale,
                submission,
                overriding(overrides, str(config)),
            )
    except InputError as error:
        raise InputError(input_sentence(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped. Nothing is kept.", err=True)
        sys.exit(INTERRUPTED)
    if as_json:
        click.echo(dumps({name: part for name, part in asdict(evaluation).items() if name != "per_image"}, indent=1))
        return
    show(evaluation, make_console())
    click.echo(f"Metrics, classes and predictions are in {out}.")

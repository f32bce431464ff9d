"""``m2f convert``."""

from pathlib import Path

import click

from ablations.commands.options import PATH


@click.command()
@click.argument("source", type=PATH, metavar="SRC")
@click.argument("destination", type=PATH, metavar="DST")
@click.option(
    "--from",
    "source_format",
    type=click.Choice(["auto", "m2f", "detectron2", "mmdet", "transformers"]),
    default="auto",
    show_default=True,
    help="Format of SRC; auto tells by the names of its tensors.",
)
@click.option(
    "--to",
    "target_format",
    type=click.Choice(["m2f", "mmdet", "transformers"]),
    default="m2f",
    show_default=True,
    help="Format of DST: a .pth file, for transformers a directory.",
)
def convert(source: Path, destination: Path, source_format: str, target_format: str) -> None:
    """Write the checkpoint SRC of a Mask2Former or MaskFormer in another format to DST, every tensor accounted for.

    SRC is the official code's .pkl, a .pth of mmdet's, the official code's or m2f's, or a directory of transformers'.
    Nothing that it brings is run.
    """
    from m2f.checkpoints import convert as convert_checkpoint

    conversion = convert_checkpoint(source, destination, source_format, target_format)
    click.echo(f"{source} is of {conversion.source}: {conversion.architecture}, {conversion.tensors} tensors.")
    click.echo(f"Written for {target_format}: {destination}")

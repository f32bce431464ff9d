"""``m2f export``."""

from pathlib import Path

import click

from ablations.commands.options import PATH, import_option
from m2f.errors import InputError


@click.command()
@click.argument("checkpoint", type=PATH)
@click.option("--out", type=PATH, required=True, metavar="FILE", help="New file: .onnx, or .pt2 for torch.export's.")
@click.option("--size", required=True, metavar="H,W", help="Of the program's pictures, pixels; multiples of 32.")
@click.option("--config", type=PATH, metavar="FILE", help="Of a checkpoint that does not say how its model is built.")
@import_option
def export(checkpoint: Path, out: Path, size: str, config: Path | None) -> None:
    """Write the model of CHECKPOINT as a program that needs no m2f: of torch.export, or ONNX.

    From a picture it computes the class and mask logits of the queries. It is read back and run, and its logits are
    compared with the model's. CHECKPOINT is whatever m2f predict takes. ONNX takes `pip install 'm2f[export]'`.
    """
    sides = chosen_size(size)
    from m2f.engine.exported import export as export_model
    from m2f.engine.segmenter import load

    segmenter = load(checkpoint, device="cpu", config=config)
    difference = export_model(segmenter, out, sides)
    click.echo(f"{out}: {segmenter.task}, {len(segmenter.classes)} classes, pictures of {sides[0]} x {sides[1]}.")
    click.echo(f"Read back and run, its logits are the model's to {difference:.1g}.")


def chosen_size(text: str) -> tuple[int, int]:
    """Height and width from ``512,768``."""
    words = [word.strip() for word in text.split(",")]
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        raise InputError(f"--size must be a height and a width, such as 512,768, not '{text}'.")
    return int(words[0]), int(words[1])

"""``m2f selftest``."""

import os
import sys
from pathlib import Path

import click

from ablations.commands.options import PATH, make_console
from m2f.files import require_place, write_json


@click.command()
@click.option("--device", type=click.Choice(["cuda", "cpu"]), help="[default: cuda where PyTorch sees a GPU]")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write everything as JSON, which can be sent on.")
def selftest(device: str | None, json_file: Path | None) -> None:
    """Prove that this machine computes m2f rightly, and measure how fast it trains.

    Every design is computed on the device and on the CPU, in mixed precision and in float32; kernels are laid beside
    PyTorch, all GPUs beside one. Then the baseline's training step is timed at the paper's size, or smaller on a CPU.
    No data are needed. Exit code 0: all is right, 1: something is not, 2: bad input.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # for all processes, before torch looks
    from ablations.selftest.examination import as_json, chosen_device, examine
    from ablations.selftest.shown import show

    if json_file:
        require_place(json_file)
    examination = examine(chosen_device(device), lambda line: click.echo(line, err=True))
    show(examination, make_console())
    if json_file:
        write_json(json_file, as_json(examination))
    if not examination.right:
        sys.exit(1)

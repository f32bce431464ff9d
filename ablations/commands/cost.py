"""``m2f cost``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.commands.options import PATH, chosen_studies, import_option
from ablations.terminal import width
from m2f.errors import InputError

if TYPE_CHECKING:
    from ablations.costs.timed import Speed
    from ablations.studies.study import Study


@click.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--model", "config", type=PATH, metavar="CONFIG", help="The model of a config file instead of tables.")
@click.option("--measure", is_flag=True, help="Time the named tables' rows on this machine instead of counting.")
@click.option("--json", "as_json", is_flag=True, help="Rows of the results frame.")
@import_option
def cost(tables: tuple[str, ...], config: Path | None, measure: bool, as_json: bool) -> None:
    """Count parameters, FLOPs and training memory beside the paper's, without data, weights or GPU.

    Without TABLE, every table. The counts are those of the paper's scale.
    """
    from ablations.costs.counted import cost_frame, cost_lines, file_costs, study_costs
    from ablations.costs.timed import speed_frame, speed_lines
    from ablations.studies import MAIN_RESULTS, TABLES

    if config and (tables or measure):
        raise InputError("Give tables or --model, not both; --measure times tables.")
    if measure and not tables:
        raise InputError("--measure times every row at full size; name the tables, such as: m2f cost 4e --measure.")
    studies = chosen_studies(tables) if tables else [*MAIN_RESULTS, *TABLES]
    if measure:
        speeds = measured(studies)
        if as_json:
            click.echo(speed_frame(speeds).to_json(orient="records", indent=1))
        else:
            click.echo("\n".join(speed_lines(speeds, width())))
        return
    rows = file_costs(config) if config else study_costs(studies)
    if as_json:
        click.echo(cost_frame(rows).to_json(orient="records", indent=1))
    else:
        click.echo("\n".join(cost_lines(rows, width())))


def measured(studies: Sequence["Study"]) -> list["Speed"]:
    """Time the studies' rows, which takes minutes, and tell how far it is."""
    from rich.console import Console

    from ablations.costs.timed import study_speeds
    from ablations.evaluation import Words, shown_progress

    words = Words("timing", "timed", "comparing", "models")
    with shown_progress(Console(file=sys.stderr), words) as progress:
        return [speed for study in studies for speed in study_speeds(study, progress)]

"""``m2f run``."""

import signal
import sys
from pathlib import Path

import click

from ablations.commands.options import (
    chosen_seeds,
    chosen_studies,
    chosen_tasks,
    chosen_word,
    data_option,
    import_option,
    make_console,
    store_option,
)


@click.command()
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option("--scale", default="mini", show_default=True, metavar="SCALE", help="How big: smoke, mini or paper.")
@click.option(
    "--tasks", metavar="TASK,...", help="Some of panoptic, instance, semantic.  [default: all of the tables']"
)
@click.option("--seeds", default="0", show_default=True, metavar="SEED,...", help="Each seed is a run of its own.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Runs at a time.  [default: 2 if it can help]")
@click.option("--override", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a config value in all rows.")
@import_option
@store_option
@data_option
def run(
    tables: tuple[str, ...],
    scale: str,
    tasks: str | None,
    seeds: str,
    jobs: int | None,
    overrides: tuple[str, ...],
    store: Path,
    data: Path,
) -> None:
    """Train and evaluate all rows of the tables.

    What is done is skipped, what was stopped goes on, what failed is tried again. Exit code 0: all done, 1: a run
    failed, 2: bad input, 130: interrupted.
    """
    from ablations.overrides import parse_override
    from ablations.plan import make_plan
    from ablations.store import open_store
    from ablations.sweep import carry_out, summarise
    from ablations.variation import SCALES

    studies = chosen_studies(tables)
    cells = make_plan(
        studies,
        chosen_word(scale, SCALES, "scale"),
        chosen_tasks(tasks, studies),
        chosen_seeds(seeds),
        dict(map(parse_override, overrides)),
        data,
    )
    # A scheduler's request to end is met like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = make_console()
    states = carry_out(cells, open_store(store), data.absolute(), jobs, console)
    sys.exit(summarise(cells, states, store, console))

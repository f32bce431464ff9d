"""``m2f run``."""

import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from ablations.commands.options import (
    PATH,
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
@click.option(
    "--scale",
    default="mini",
    show_default=True,
    metavar="SCALE",
    help="smoke, mini, lite, paper, or a directory of configs.",
)
@click.option(
    "--tasks", metavar="TASK,...", help="Some of panoptic, instance, semantic.  [default: all of the tables']"
)
@click.option("--seeds", default="0", show_default=True, metavar="SEED,...", help="Each seed is a run of its own.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Runs at a time.  [default: 2 if it can help]")
@click.option(
    "--executor", default="local", show_default=True, metavar="NAME", help="What runs them: local, slurm or ray."
)
@click.option("--site", type=PATH, metavar="FILE", help="The executor's options, as docs/clusters.md explains them.")
@click.option(
    "--dry-run", is_flag=True, help="Print the runs to do with their hours and what they need, and start nothing."
)
@click.option("--tensorboard", is_flag=True, help="Write training curves for TensorBoard to tensorboard/ in the store.")
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
    executor: str,
    site: Path | None,
    dry_run: bool,
    tensorboard: bool,
    overrides: tuple[str, ...],
    store: Path,
    data: Path,
) -> None:
    """Train and evaluate all rows of the tables.

    What is done is skipped, what was stopped goes on, what failed is tried again. Exit code 0: all done, 1: a run
    failed, 2: bad input, 130: interrupted.
    """
    from ablations.planning.overrides import parse_override
    from ablations.planning.plan import check_classes_of, make_plan
    from ablations.planning.scales import chosen_scale
    from ablations.running.executors import EXECUTORS, make_executor
    from ablations.running.site_file import read_site
    from ablations.running.sweep import announce, carry_out, summarise
    from ablations.running.tensorboard import with_tensorboard
    from ablations.store.runs import open_store

    executor = chosen_word(executor, EXECUTORS, "executor")
    options = read_site(site, executor)
    if jobs:
        options = replace(options, jobs=jobs)
    studies = chosen_studies(tables)
    folder = chosen_scale(scale)
    plan = make_plan(
        studies,
        folder,
        chosen_tasks(tasks, studies, folder),
        chosen_seeds(seeds),
        dict(map(parse_override, overrides)),
        data,
    )
    check_classes_of(plan, data)
    maker, console = partial(make_executor, executor, options), make_console()
    if dry_run:
        announce(plan, store, data, maker, console)
        return
    if tensorboard:
        plan = with_tensorboard(plan, store / "tensorboard")
        console.print(
            f"Curves: tensorboard --logdir {store / 'tensorboard'}", highlight=False, markup=False, soft_wrap=True
        )
    # A scheduler's request to end, and its warning that time is nearly up, are met like Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.default_int_handler)
    states = carry_out(plan, open_store(store), data.absolute(), maker, console)
    sys.exit(summarise(plan, states, store, console))

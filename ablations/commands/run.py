"""``m2f run``."""

import math
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.commands.options import (
    LARGEST_SEED,
    PATH,
    chosen_seeds,
    chosen_studies,
    chosen_tasks,
    chosen_word,
    data_option,
    import_option,
    make_console,
    say,
    store_option,
)
from m2f.errors import InputError

if TYPE_CHECKING:
    from ablations.planning.plan import Plan
    from ablations.running.until import Target
    from ablations.store.run_record import State

MOST_SEEDS = 16


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
@click.option(
    "--until",
    type=float,
    metavar="POINTS",
    help="Then add seeds to rows whose 95% interval of the difference from the baseline is ±POINTS or wider.",
)
@click.option(
    "--max-seeds",
    type=click.IntRange(min=2),
    metavar="N",
    help="Seeds of a row, with those of --until.  [default: 16]",
)
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
    until: float | None,
    max_seeds: int | None,
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

    What is done is skipped, what was stopped goes on, what failed is tried again, also of the seeds that --until adds.
    Exit code 0: all done, 1: a run failed, 2: bad input, 130: interrupted.
    """
    click.echo("Planning")  # before what takes seconds to import
    from ablations.planning.overrides import parse_override
    from ablations.planning.plan import check_classes_of, make_plan
    from ablations.planning.scales import chosen_scale
    from ablations.running.executors import EXECUTORS, make_executor
    from ablations.running.site_file import read_site
    from ablations.running.sweep import announce, carry_out, summarise
    from ablations.running.tensorboard import with_tensorboard
    from ablations.running.until import account, until_known
    from ablations.store.runs import open_store

    executor = chosen_word(executor, EXECUTORS, "executor")
    options = read_site(site, executor)
    if jobs:
        options = replace(options, jobs=jobs)
    studies = chosen_studies(tables)
    folder = chosen_scale(scale)
    wanted = chosen_seeds(seeds)
    target = chosen_target(until, max_seeds, wanted)
    task_names, own = chosen_tasks(tasks, studies, folder), dict(map(parse_override, overrides))

    def plan_of(some: list[int]) -> "Plan":
        plan = make_plan(studies, folder, task_names, some, own, data)
        return with_tensorboard(plan, store / "tensorboard") if tensorboard and not dry_run else plan

    plan = plan_of(wanted)
    check_classes_of(plan, data)
    maker, console = partial(make_executor, executor, options), make_console()
    tell = say(console)
    if dry_run:
        announce(plan, store, data, maker, console)
        if target:
            tell(f"Then seeds are added, up to {target.most} a row, until ±{target.points:g} points are known.")
        return
    if tensorboard:
        console.print(
            f"Curves: tensorboard --logdir {store / 'tensorboard'}", highlight=False, markup=False, soft_wrap=True
        )
    # A scheduler's request to end, and its warning that time is nearly up, are met like Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.default_int_handler)
    open_store(store)

    def carry(part: "Plan") -> "dict[str, State]":
        return carry_out(part, store, data.absolute(), maker, console)

    if target is None:
        sys.exit(summarise(plan, carry(plan), store, console))
    outcome = until_known(plan, lambda seed: plan_of([seed]), target, studies, store, carry, tell)
    for sentence in account(outcome, target):
        tell(sentence)
    sys.exit(summarise(outcome.plan, outcome.states, store, console))


def chosen_target(points: float | None, most: int | None, seeds: list[int]) -> "Target | None":
    """When to stop adding seeds; None where none are added.

    Raises:
        InputError: the two options do not go together, or with the seeds.
    """
    from ablations.running.until import Target

    if points is None:
        if most is not None:
            raise InputError("--max-seeds says how many seeds --until may give; name both, or neither.")
        return None
    if not 0 < points < math.inf:
        raise InputError(f"--until must be a number of points above zero, such as 1.0, not '{points:g}'.")
    most = MOST_SEEDS if most is None else most
    if len(seeds) > most:
        raise InputError(f"--seeds has {len(seeds)} seeds and --max-seeds is {most}; raise --max-seeds.")
    if max(seeds) + most > LARGEST_SEED:
        raise InputError(f"--until adds seeds above {max(seeds)}, which must be at most {LARGEST_SEED}; ask for less.")
    return Target(points, most)

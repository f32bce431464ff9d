"""``m2f train``."""

import shlex
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.commands.data import require_whole, shown_parts
from ablations.commands.options import (
    LARGEST_SEED,
    PATH,
    data_option,
    import_option,
    make_console,
    say,
    store_option,
)
from m2f.errors import InputError

if TYPE_CHECKING:
    from ablations.planning.plan import Run
    from ablations.store.run_record import RunRecord


@click.command()
@click.argument("place", type=PATH, metavar="CONFIG|DIR")
@click.option(
    "--task",
    type=click.Choice(["panoptic", "instance", "semantic"]),
    help="Which of DIR's configs, or what to train for.  [default: the only one, or the first that DIR has files for]",
)
@click.option(
    "--weights", metavar="FILE", help="Begin from a checkpoint that m2f convert reads, whatever its classes are."
)
@click.option("--override", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a value of the config.")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, show_default=True)
@click.option("--out", type=PATH, metavar="DIR", help="Where to write the page.  [default: beside the config]")
@import_option
@store_option
@data_option
def train(
    place: Path,
    task: str | None,
    weights: str | None,
    overrides: tuple[str, ...],
    seed: int,
    out: Path | None,
    store: Path,
    data: Path,
) -> None:
    """Train the model of a config on your data: checked first, stopped and resumed at will, shown at the end.

    CONFIG is a config file; DIR a folder with one, or a data set, of which `m2f data init` writes it first. The same
    command goes on where it was stopped; what is done is shown again. Exit code 0: done, 1: it failed, 2: bad input,
    130: interrupted.
    """
    click.echo("Planning")  # before what takes seconds to import
    from ablations.own_data.training import plan_of
    from ablations.planning.overrides import parse_override
    from ablations.planning.plan import check_classes_of
    from ablations.running.executors import make_executor
    from ablations.running.site_file import read_site
    from ablations.running.sweep import carry_out
    from ablations.store.run_record import RunRecord
    from ablations.store.runs import open_store, run_directory

    path = chosen_config(place, task, data)
    plan = plan_of(path, dict(map(parse_override, overrides)), seed, weights, data)
    check_classes_of(plan, data)
    run = plan.cells[0].run
    record = RunRecord(run_directory(store, run.name))
    if record.state.name == "planned":
        look_at_data(run, data)
    # A scheduler's request to end, and its warning that time is nearly up, are met like Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.default_int_handler)
    open_store(store)
    maker = partial(make_executor, "local", read_site(None, "local"))
    state = carry_out(plan, store, data.absolute(), maker, make_console())[run.name]
    if state.name != "done":
        if state.kind == "input":
            raise InputError(state.reason or "")
        click.echo(f"failed: {state.reason} [log: {record.log}]", err=True)
        sys.exit(1)
    show_outcome(RunRecord(record.directory), path, out or path.parent / f"{path.stem}-results")


def chosen_config(place: Path, task: str | None, data: Path) -> Path:
    """The config that is meant; of a data set that has none yet, it is written.

    Raises:
        InputError: there is none, or which is not told.
    """
    from ablations.own_data.init import account, config_folder, write_config
    from ablations.own_data.training import config_in, require_data_of

    if place.is_file():
        return place
    if not place.is_dir():
        raise InputError(f"There is no {place}; name a config, or a directory with one or with a data set.")
    own = config_in(place, task)
    if own is not None:
        return own
    folder = config_folder(place, None)
    if (folder / f"{task}.py").is_file() or (task is None and config_in(folder, None)):
        found = config_in(folder, task)
        assert found is not None
        require_data_of(found, place, data)
        return found
    with shown_parts() as show:
        written = write_config(place, task, folder, data, show)
    for sentence in account(*written):
        click.echo(sentence)
    return written[0]


def look_at_data(run: "Run", data: Path) -> None:
    """Look through all files of a run's data sets, unless they are very many.

    Raises:
        InputError: something is wrong with them, which is listed.
    """
    from ablations.own_data.training import has_many_images, in_no_list, roots_of

    for root in roots_of(run, data):
        if has_many_images(root):
            click.echo(f"{root} has many files, which are not looked through; `m2f data verify {root}` does that.")
        else:
            require_whole(root, "mend them, then give the same command")
    if sentence := in_no_list(run, data):
        click.echo(sentence)


def show_outcome(record: "RunRecord", path: Path, out: Path) -> None:
    """Show the numbers of a training that is done, write its page, and say what to do next."""
    from ablations.evaluation import show_numbers
    from ablations.reports.training_page import write_training_page
    from m2f.engine.evaluate import last_checkpoint

    console = make_console()
    tell = say(console)
    show_numbers(record.classes, record.metrics, console)
    page = write_training_page(record, f"{path.parent.absolute().name}, {record.identity['task']}", out)
    checkpoint = last_checkpoint(record.directory)
    tell(f"Page with pictures: {page}")
    tell(f"Next: m2f predict {shlex.quote(str(checkpoint))} IMAGE... --out predictions")

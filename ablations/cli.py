"""The command line ``m2f``. Commands import what they need only when called: help and ``list`` must be quick."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from m2f.errors import InputError

INTERRUPTED = 130
PATH = click.Path(path_type=Path)


class BadInput(click.ClickException):
    """An ``InputError`` on its way out: its sentence on stderr, exit code 2."""

    exit_code = 2


class Commands(click.Group):
    """Commands in the order of their definition, whose ``InputError`` is a sentence, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As defined."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise BadInput(str(error)) from error
        except KeyboardInterrupt:
            click.echo("Stopped. What is done is kept: the same command goes on from here.", err=True)
            sys.exit(INTERRUPTED)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store DIR``."""
    return click.option(
        "--store", type=PATH, default="runs", show_default=True, metavar="DIR", help="Directory of runs and results."
    )(command)


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data DIR``."""
    return click.option(
        "--data",
        type=PATH,
        default="data",
        envvar="M2F_DATA",
        show_default=True,
        show_envvar=True,
        metavar="DIR",
        help="Directory of data sets.",
    )(command)


def import_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--import MODULE``, which takes effect before any argument is looked at."""
    return click.option(
        "--import",
        multiple=True,
        metavar="MODULE",
        expose_value=False,
        is_eager=True,
        callback=import_users_modules,
        help="Import a module of your own, from the current directory or installed, that adds rows.",
    )(command)


def import_users_modules(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> None:
    """The option's callback."""
    from ablations.own import import_modules

    import_modules(names)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the tables of the Mask2Former paper again and lay the numbers beside the paper's."""


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a row.")
@import_option
def list_rows(as_json: bool) -> None:
    """Show the tables, their rows, and what each row changes in the baseline's config."""
    from ablations.listing import listed_rows, listing
    from ablations.studies import STUDIES

    studies = STUDIES.values()
    click.echo(json.dumps(listed_rows(studies), indent=1) if as_json else "\n".join(listing(studies)))


@main.command()
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


@main.command()
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a run.")
@store_option
def status(store: Path, as_json: bool) -> None:
    """Show where each run of a store stands."""
    from ablations.status import run_states, show_status

    if as_json:
        click.echo(json.dumps(run_states(store), indent=1))
    else:
        show_status(store, make_console())


@main.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Directory to write the report to.")
@import_option
@store_option
def report(tables: tuple[str, ...], out: Path, store: Path) -> None:
    """Write a store's report: PDF, HTML, Markdown and CSV. Without TABLE, every table that has results."""
    from ablations.store import require_store

    studies = chosen_studies(tables)
    require_store(store)
    from reports.build import build

    for kind, path in build(store, [study.table for study in studies], out).items():
        click.echo(f"{kind:<11}{path}")


@main.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--model", "config", type=PATH, metavar="CONFIG", help="The model of a config file instead of tables.")
@click.option("--measure", is_flag=True, help="Time the named tables' rows on this machine instead of counting.")
@click.option("--json", "as_json", is_flag=True, help="Rows of the results frame.")
@import_option
def cost(tables: tuple[str, ...], config: Path | None, measure: bool, as_json: bool) -> None:
    """Count parameters, FLOPs and training memory beside the paper's, without data, weights or GPU.

    Without TABLE, every table. The counts are those of the paper's scale.
    """
    from ablations.cost import cost_frame, cost_table, file_costs, study_costs
    from ablations.speed import speed_frame, speed_table, study_speeds
    from ablations.studies import MAIN_RESULTS, TABLES

    if config and (tables or measure):
        raise InputError("Give tables or --model, not both; --measure times tables.")
    if measure and not tables:
        raise InputError("--measure times every row at full size; name the tables, such as: m2f cost 4e --measure.")
    studies = chosen_studies(tables) if tables else [*MAIN_RESULTS, *TABLES]
    if measure:
        speeds = [speed for study in studies for speed in study_speeds(study)]
        if as_json:
            click.echo(speed_frame(speeds).to_json(orient="records", indent=1))
        else:
            make_console().print(speed_table(speeds))
        return
    rows = file_costs(config) if config else study_costs(studies)
    if as_json:
        click.echo(cost_frame(rows).to_json(orient="records", indent=1))
    else:
        make_console().print(cost_table(rows))


@main.command()
@store_option
@data_option
def doctor(store: Path, data: Path) -> None:
    """Show versions, devices, disk and data sets, and what to do about what is missing."""
    from ablations.doctor import examine, show

    show(examine(store, data), make_console())


@main.group("data")
def data_commands() -> None:
    """Generate and check data sets."""


@data_commands.command()
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Directory to write the scenes to.")
@click.option("--split-sizes", required=True, metavar="NAME=N,...", help="Such as train2017=200,val2017=50.")
@click.option("--image-size", type=click.IntRange(min=32), default=128, show_default=True, help="Pixels of a side.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def scenes(out: Path, split_sizes: str, image_size: int, seed: int) -> None:
    """Generate scenes in COCO's layout."""
    from m2f.data.scenes import SceneSpec, ensure_scenes

    spec = SceneSpec(image_size=image_size, splits=chosen_splits(split_sizes), seed=seed)
    with click.progressbar(length=sum(spec.splits.values()), label="Scenes") as bar:
        ensure_scenes(spec, out, progress=lambda done, total: bar.update(1))
    click.echo(f"Scenes are at {out}.")


@data_commands.command()
@click.argument("directory", type=PATH, metavar="DIR")
def verify(directory: Path) -> None:
    """Look for missing, damaged and contradictory files in a directory in COCO's layout."""
    from m2f.data.verify import verify as find_problems

    problems = find_problems(directory)
    for problem in problems:
        click.echo(problem)
    if problems:
        raise InputError(f"{directory} has {len(problems)} problems, listed above; fetch or generate it again.")
    click.echo(f"{directory} is whole.")


def chosen_word(word: str, known: Any, kind: str) -> str:
    """The known word that the user means, or an ``InputError``."""
    from ablations.choice import choose

    return choose(word, known, kind)


def chosen_studies(tables: tuple[str, ...]) -> list[Any]:
    """The studies of the named tables, each once."""
    from ablations.studies import STUDIES

    return [STUDIES[name] for name in dict.fromkeys(chosen_word(table, STUDIES, "table") for table in tables)]


def chosen_tasks(tasks: str | None, studies: list[Any]) -> list[str]:
    """The named tasks, or all that the studies have."""
    known = list(dict.fromkeys(task for study in studies for task in study.tasks))
    if tasks is None:
        return known
    return list(dict.fromkeys(chosen_word(task.strip(), known, "task") for task in tasks.split(",")))


def chosen_seeds(seeds: str) -> list[int]:
    """Seeds from ``0,1,2``."""
    words = [word.strip() for word in seeds.split(",")]
    if not all(word.isdecimal() for word in words):
        raise InputError(f"--seeds must be whole numbers separated by commas, such as 0,1,2, not '{seeds}'.")
    return list(dict.fromkeys(map(int, words)))


def chosen_splits(split_sizes: str) -> dict[str, int]:
    """Sizes by split from ``train2017=200,val2017=50``."""
    splits = {}
    for item in split_sizes.split(","):
        name, _, size = item.strip().partition("=")
        if not name or not size.isdecimal() or int(size) == 0:
            raise InputError(
                f"--split-sizes must be NAME=N,..., such as train2017=200,val2017=50, not '{split_sizes}'."
            )
        splits[name] = int(size)
    return splits


def make_console() -> Any:
    """A console on stdout; wide where no terminal says how wide, so that lines are not broken."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=200)

"""``m2f data``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.commands.options import PATH, Commands
from m2f.errors import InputError

if TYPE_CHECKING:
    from rich.progress import TaskID


@click.group("data", cls=Commands)
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
    """Look for missing, damaged and contradictory files in a directory in COCO's layout.

    Every image and PNG is decoded. Notes say what is made up for, such as boxes that are absent; they are no problems.
    """
    from rich.console import Console
    from rich.progress import Progress

    from m2f.data.verify import verify as find_problems

    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        notes: list[str] = []
        problems = find_problems(directory, notes.append, show)
    for sentence in (*(f"Note: {note}" for note in notes), *problems):
        click.echo(sentence)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(f"{directory} has {count}, listed above; mend them, or fetch or generate it again.")
    click.echo(f"{directory} is whole.")


def chosen_splits(split_sizes: str) -> dict[str, int]:
    """Sizes by split from ``train2017=200,val2017=50``."""
    splits = {}
    for item in split_sizes.split(","):
        name, _, size = item.strip().partition("=")
        if not name or "/" in name or name in (".", "..") or not size.isdecimal() or int(size) == 0:
            raise InputError(
                f"--split-sizes must be NAME=N,..., such as train2017=200,val2017=50, not '{split_sizes}'."
            )
        splits[name] = int(size)
    return splits

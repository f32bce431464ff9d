"""``m2f data``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.commands.options import PATH, Commands, data_option
from m2f.errors import InputError

if TYPE_CHECKING:
    from rich.progress import TaskID

DATA_SETS = ("ade20k", "cityscapes", "mapillary", "coco")


@click.group("data", cls=Commands)
def data_commands() -> None:
    """Generate, check and set up data sets."""


@data_commands.command()
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Directory to write the scenes to.")
@click.option("--split-sizes", required=True, metavar="NAME=N,...", help="Such as train2017=200,val2017=50.")
@click.option("--image-size", type=click.IntRange(min=32), default=128, show_default=True, help="Pixels of a side.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--layout",
    type=click.Choice(["coco", "ade20k", "cityscapes", "mapillary"]),
    default="coco",
    show_default=True,
    help="Of whose archives; a third of the height is left out but for coco.",
)
def scenes(out: Path, split_sizes: str, image_size: int, seed: int, layout: str) -> None:
    """Generate scenes, in COCO's layout or as another data set's archives are laid out."""
    from m2f.data.scene_layouts import write_layout
    from m2f.data.scenes import SceneSpec, ensure_scenes

    spec = SceneSpec(image_size=image_size, splits=chosen_splits(split_sizes), seed=seed)
    if layout != "coco":
        write_layout(layout, out, spec)
        click.echo(f"Scenes are at {out}; `m2f data prepare {layout} {out}` makes what the configs read beside them.")
        return
    with click.progressbar(length=sum(spec.splits.values()), label="Scenes") as bar:
        ensure_scenes(spec, out, progress=lambda done, total: bar.update(1))
    click.echo(f"Scenes are at {out}.")


@data_commands.command()
@click.argument("dataset", type=click.Choice(DATA_SETS, case_sensitive=False), metavar="NAME")
@click.argument("directory", type=PATH, metavar="DIR")
def prepare(dataset: str, directory: Path) -> None:
    """Make what m2f reads of a data set beside its archives: maps, panoptic PNGs, annotation files.

    NAME is ade20k, cityscapes, mapillary or coco, DIR where its archives are unpacked. The files are those that the
    official scripts make. Stopped and given again, it goes on where it was; what is there is left as it is.
    """
    from m2f.data.preparation import prepare_files

    with shown_parts() as show:
        prepare_files(dataset.lower(), directory, show)
    click.echo(f"{directory} has all that m2f reads; `m2f data verify {directory}` looks through it.")


@data_commands.command()
@click.argument("directory", type=PATH, metavar="DIR")
def verify(directory: Path) -> None:
    """Look for missing, damaged and contradictory files of a data set.

    DIR is in COCO's layout, or ADE20K, Cityscapes or Mapillary Vistas as `m2f data prepare` leaves them. Every image
    and PNG is decoded. Notes say what is made up for, such as boxes that are absent; they are no problems.
    """
    require_whole(directory, "mend them, or fetch or generate it again")
    click.echo(f"{directory} is whole.")


@data_commands.command()
@click.argument("directory", type=PATH, metavar="DIR")
@click.option(
    "--task",
    type=click.Choice(["panoptic", "instance", "semantic"]),
    help="What to train for.  [default: the first of them that DIR has files for]",
)
@click.option("--out", type=PATH, metavar="FOLDER", help="Where to write the config.  [default: the name of DIR, here]")
@data_option
def init(directory: Path, task: str | None, out: Path | None, data: Path) -> None:
    """Write the config of a data set of your own, which `m2f train` takes.

    DIR is in COCO's layout, or has semantic maps in two folders, images/ and labels/, where classes.txt may name the
    classes. The config has their number and names, the splits, and a size, batch and length that fit this machine.
    """
    from ablations.own_data.init import account, config_folder, write_config

    with shown_parts() as show:
        written = write_config(directory, task, config_folder(directory, out), data, show)
    for sentence in account(*written):
        click.echo(sentence)
    click.echo(f"Next: m2f train {written[0]}")


def require_whole(directory: Path, mend: str) -> None:
    """Look through all files of a data set, and list what is wrong with them.

    Raises:
        InputError: something is.
    """
    from m2f.data.verify import verify as find_problems

    with shown_parts() as show:
        notes: list[str] = []
        problems = find_problems(directory, notes.append, show)
    for sentence in (*(f"Note: {note}" for note in notes), *problems):
        click.echo(sentence)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(f"{directory} has {count}, listed above; {mend}.")


@contextmanager
def shown_parts() -> Iterator[Callable[[str, int, int], None]]:
    """A function to be told a part of the work, what of it is done and how much it is: a bar for each on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield show


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

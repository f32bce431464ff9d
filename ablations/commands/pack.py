"""``m2f pack``."""

from pathlib import Path

import click

from ablations.commands.options import PATH, chosen_studies, import_option, make_console, say


@click.command()
@click.argument("sources", nargs=-1, required=True, type=PATH, metavar="SOURCE...")
@click.option("--into", type=PATH, required=True, metavar="DIR", help="The packed store to write, or to add to.")
@click.option(
    "--pictures",
    default="4c,Ib",
    show_default=True,
    metavar="TABLE,...",
    help="Tables whose runs with the first seed keep their pictures.",
)
@import_option
def pack(sources: tuple[Path, ...], into: Path, pictures: str) -> None:
    """Write the finished runs of stores as a packed store, small enough for a repository.

    It has results.csv, and a compressed record of each run: config, machine, commit, seconds, curves, and numbers by
    class and image. `m2f report`, `check`, `diff` and `compare` read it as they read a store. The same runs give the
    same bytes, and what is there already is not written again.
    """
    from ablations.comparing.made_otherwise import sentences
    from ablations.store.pack import pack as write
    from ablations.store.packed import is_packed
    from ablations.store.sources import read_sources

    tell = say(make_console())

    tables = [study.table for study in chosen_studies(tuple(filter(None, pictures.split(","))))]
    found = read_sources([*([into] if is_packed(into) else []), *sources])
    for sentence in (*found.left_out(), *sentences(found)):
        tell(sentence)
    write(found, into, tables)
    size = sum(path.stat().st_size for path in into.rglob("*") if path.is_file())
    tell(f"{into} has {len(found.runs)} runs, {size / 1e6:.1f} MB.")

"""``m2f merge``."""

from pathlib import Path

import click

from ablations.commands.options import PATH, make_console, say


@click.command()
@click.argument("sources", nargs=-1, required=True, type=PATH, metavar="SOURCE...")
@click.option("--into", type=PATH, required=True, metavar="DIR", help="The store that gets them.")
def merge(sources: tuple[Path, ...], into: Path) -> None:
    """Take the finished runs of other stores into a store.

    SOURCE is a store or a packed store (`m2f pack`). What it holds is copied and nothing is written over; runs that
    contradict each other are refused before anything is copied.
    """
    from ablations.comparing.made_otherwise import sentences
    from ablations.store.merge import commits, unfinished
    from ablations.store.merge import merge as take
    from ablations.store.results_frame import read_results
    from ablations.store.sources import read_sources

    tell = say(make_console())

    found = read_sources(sources)
    for sentence in found.damaged:
        tell(sentence)
    taken = take(found, into, tell)
    for source in sources:
        if (source / "sweeps").is_dir() and (left := unfinished(source, found)):
            tell(f"Of {source}, runs that are not finished and stay where they are: {left}.")
    if len(made := commits(found)) > 1:
        tell(f"The runs were made at several commits: {', '.join(made)}; see that these compute the same.")
    for sentence in sentences(read_results(into)):
        tell(sentence)
    tell(f"Runs that {into} did not have: {taken} of {len(found.runs)}.")

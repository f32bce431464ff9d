"""``m2f diff``."""

from pathlib import Path

import click

from ablations.commands.options import PATH, import_option, make_console, say


@click.command()
@click.argument("first", type=PATH, metavar="A")
@click.argument("second", type=PATH, metavar="B")
@click.option("--verbose", is_flag=True, help="Show the metric of each table where it is the same, too.")
@import_option
def diff(first: Path, second: Path, verbose: bool) -> None:
    """Compare B with A, each a store, packed or not, a baseline or a results.csv, by the tests of `m2f check`.

    Shows what is worse, better, missing and new in B. The exit code is 0 whatever it is, and 2 for bad input.
    """
    from ablations import gate

    gate.diff(first, second, say(make_console()), verbose)

"""``m2f status``."""

import json
from pathlib import Path

import click

from ablations.commands.options import make_console, store_option


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a run.")
@click.option("--table", "tables", multiple=True, metavar="TABLE", help="Only the runs of this table; may be repeated.")
@click.option("--failed", is_flag=True, help="Only the runs that failed, each with its whole reason and its log.")
@store_option
def status(store: Path, tables: tuple[str, ...], failed: bool, as_json: bool) -> None:
    """Show where each run of a store stands.

    A run that several rows share is named by the first and how many others there are.
    """
    from ablations.running.status import run_states, show_failed, show_status

    runs = run_states(store, tables)
    if failed:
        runs = [run for run in runs if run["state"] == "failed"]
    if as_json:
        click.echo(json.dumps(runs, indent=1))
    elif failed:
        show_failed(runs, store, make_console())
    else:
        show_status(runs, make_console())

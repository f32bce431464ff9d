"""``m2f status``."""

import json
from pathlib import Path

import click

from ablations.commands.options import make_console, store_option


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a run.")
@store_option
def status(store: Path, as_json: bool) -> None:
    """Show where each run of a store stands."""
    from ablations.running.status import run_states, show_status

    if as_json:
        click.echo(json.dumps(run_states(store), indent=1))
    else:
        show_status(store, make_console())

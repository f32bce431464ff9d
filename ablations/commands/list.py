"""``m2f list``."""

import json

import click

from ablations.commands.options import import_option


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a row.")
@import_option
def list_rows(as_json: bool) -> None:
    """Show the tables, their rows, and what each row changes in the baseline's config."""
    from ablations.listing import listed_rows, listing
    from ablations.studies import STUDIES

    studies = STUDIES.values()
    click.echo(json.dumps(listed_rows(studies), indent=1) if as_json else "\n".join(listing(studies)))

"""``m2f list``."""

import json

import click

from ablations.commands.options import chosen_studies, import_option


@click.command("list")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a row.")
@import_option
def list_rows(tables: tuple[str, ...], as_json: bool) -> None:
    """Show the tables, their rows, and what each row changes in the baseline's config.

    Without TABLE, every table.
    """
    from ablations.listing import listed_rows, listing
    from ablations.studies import STUDIES
    from ablations.terminal import width

    studies = chosen_studies(tables) or list(STUDIES.values())
    if as_json:
        click.echo(json.dumps(listed_rows(studies), indent=1))
    else:
        click.echo("\n".join(listing(studies, width())))

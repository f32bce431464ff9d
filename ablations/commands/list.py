"""``m2f list``."""

import json

import click

from ablations.commands.options import chosen_studies, import_option


@click.command("list")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option(
    "--checkpoints", is_flag=True, help="The published checkpoints that fill rows: file, address and MD5's beginning."
)
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a row.")
@import_option
def list_rows(tables: tuple[str, ...], checkpoints: bool, as_json: bool) -> None:
    """Show the tables, their rows, and what each row changes in the baseline's config.

    Without TABLE, every table. `m2f table` evaluates published checkpoints.
    """
    from ablations.listing import checkpoint_listing, listed_checkpoints, listed_rows, listing
    from ablations.planning.published import published_rows
    from ablations.planning.scales import chosen_scale
    from ablations.studies import STUDIES
    from ablations.terminal import width

    studies = chosen_studies(tables) or list(STUDIES.values())
    if checkpoints:
        rows = published_rows(studies, chosen_scale("paper"))
        found = listed_checkpoints(rows) if as_json else checkpoint_listing(rows, width())
    else:
        found = listed_rows(studies) if as_json else listing(studies, width())
    click.echo(json.dumps(found, indent=1) if as_json else "\n".join(map(str, found)))

"""``m2f report``."""

from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from ablations.commands.options import PATH, chosen_studies, import_option, store_option


@click.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Directory to write the report to.")
@import_option
@store_option
@click.pass_context
def report(context: click.Context, tables: tuple[str, ...], out: Path, store: Path) -> None:
    """Write a store's report: PDF, HTML, Markdown, CSV and LaTeX. Without TABLE, the whole paper."""
    from ablations.store.runs import require_store

    studies = chosen_studies(tables)
    require_store(store)
    from reports.build import build

    named = context.get_parameter_source("store") is not ParameterSource.DEFAULT
    tell = partial(click.echo, err=True)
    for kind, path in build(store, [study.table for study in studies], out, named, tell).items():
        click.echo(f"{kind:<11}{path}")

"""``m2f report``."""

from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from ablations.commands.options import PATH, chosen_studies, import_option, store_option
from ablations.reports import REFERENCE
from m2f.extras import imported

NAMED = {Path("reference"): REFERENCE}


@click.command()
@click.argument("words", nargs=-1, type=PATH, metavar="[TABLE|SOURCE]...")
@click.option(
    "--out", type=PATH, default="report", show_default=True, metavar="DIR", help="Directory to write the report to."
)
@click.option("--watch", is_flag=True, help="Renew the HTML page whenever a run has ended, until all have.")
@import_option
@store_option
@click.pass_context
def report(context: click.Context, words: tuple[Path, ...], out: Path, watch: bool, store: Path) -> None:
    """Write a report: PDF, HTML, Markdown, CSV and LaTeX.

    Without TABLE, of the whole paper. SOURCE is what it is made of: a store, a packed store (`m2f pack`), a results.csv
    or a baseline, or the word `reference`, the results that come with m2f; several are taken as one. Without SOURCE, it
    is the store.
    """
    from ablations.studies import STUDIES

    known = {table.lower() for table in STUDIES}
    places = {word: place for word in words if str(word).lower() not in known and (place := place_of(word))}
    sources = list(places.values())
    studies = chosen_studies(tuple(str(word) for word in words if word not in places))
    given = context.get_parameter_source("store") is not ParameterSource.DEFAULT
    named = given or bool(sources)
    if given or not sources:
        sources.append(store)
    for module in ("typst", "pylatexenc"):
        imported(module, extra="report")
    from ablations.reports.build import build

    tables = [study.table for study in studies]
    tell = partial(click.echo, err=True)
    if watch:
        from ablations.reports.watch import watch as watch_runs

        def make_page(standing: str) -> None:
            page = build(sources, tables, out, named, tell, standing)["html"]
            click.echo(f"{page}: {standing}", err=True)

        watch_runs(sources, tables, make_page, tell)
    for kind, path in build(sources, tables, out, named, tell).items():
        click.echo(f"{kind:<11}{path}")


def place_of(word: Path) -> Path | None:
    """Where the source that a word names lies; None where it names none."""
    return word if word.exists() else NAMED.get(word)

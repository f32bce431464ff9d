"""``m2f doctor``."""

import json
from pathlib import Path

import click

from ablations.commands.options import data_option, make_console, store_option

PARTS = ("what", "found", "mend")  # of a finding


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a finding, to be sent with a question.")
@store_option
@data_option
def doctor(store: Path, data: Path, as_json: bool) -> None:
    """Show versions, devices, disk and data sets, and what to do about what is missing."""
    from ablations.doctor import examine, show

    findings = examine(store, data)
    if as_json:
        click.echo(json.dumps([dict(zip(PARTS, finding, strict=True)) for finding in findings], indent=1))
    else:
        show(findings, make_console())

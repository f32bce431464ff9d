"""``m2f doctor``."""

from pathlib import Path

import click

from ablations.commands.options import data_option, make_console, store_option


@click.command()
@store_option
@data_option
def doctor(store: Path, data: Path) -> None:
    """Show versions, devices, disk and data sets, and what to do about what is missing."""
    from ablations.doctor import examine, show

    show(examine(store, data), make_console())

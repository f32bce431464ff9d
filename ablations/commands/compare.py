"""``m2f compare``."""

from pathlib import Path

import click

from ablations.commands.options import PATH, chosen_word, import_option, make_console, store_option


@click.command()
@click.argument("rows", nargs=-1, required=True, metavar="ROW ROW...")
@click.option("--task", default="panoptic", show_default=True, metavar="TASK", help="panoptic, instance or semantic.")
@click.option("--scale", metavar="SCALE", help="Of the runs.  [default: the store's only one, or mini]")
@click.option("--out", type=PATH, metavar="DIR", help="Also write a page with pictures, and tables as CSV.")
@import_option
@store_option
def compare(rows: tuple[str, ...], task: str, scale: str | None, out: Path | None, store: Path) -> None:
    """Lay any designs side by side: metrics with intervals, a paired test, classes and images that differ most.

    ROW is TABLE:ROW as in `m2f list`, such as 4c:SMCA, or a row's name alone where it is a row of one table. The others
    are compared with the first.
    """
    from ablations.comparing.designs import compare_designs
    from ablations.gate.sources import read_all
    from ablations.planning.scales import TASKS
    from ablations.reports.designs import show, write_page

    designs = compare_designs(read_all([store]), rows, chosen_word(task, TASKS, "task"), scale)
    for sentence in designs.damaged:
        click.echo(sentence, err=True)
    show(designs, make_console())
    if out is not None:
        from ablations.comparing.pictures import drawn_images

        written = write_page(designs, out, drawn_images)
        click.echo(f"Page: {written['index.html']}")

"""``m2f check``."""

import sys
from pathlib import Path

import click

from ablations.commands.options import PATH, import_option, make_console, say, store_option
from m2f.errors import InputError
from m2f.files import require_place


@click.command()
@store_option
@click.option(
    "--baseline",
    type=PATH,
    default="baseline.json",
    show_default=True,
    metavar="FILE",
    help="What to compare with: a baseline, a results.csv or another store, packed or not.",
)
@click.option("--update", is_flag=True, help="Take the sweep's numbers into the baseline instead, or make one.")
@click.option("--allow-missing", is_flag=True, help="Do not fail for what the baseline has and the sweep has not.")
@click.option("--junit", type=PATH, metavar="FILE", help="Write JUnit XML.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write all findings as JSON.")
@click.option("--verbose", is_flag=True, help="Show the metric of each table where it is the same, too.")
@import_option
def check(
    store: Path,
    baseline: Path,
    update: bool,
    allow_missing: bool,
    junit: Path | None,
    json_file: Path | None,
    verbose: bool,
) -> None:
    """Compare a sweep with a baseline and fail if anything is worse.

    Metrics are tested against the spread between seeds, or held to the baseline's tolerances; parameters and FLOPs must
    be equal; speed may differ by a factor. The store may be packed (`m2f pack`), or a results.csv. Exit code 0: nothing
    is worse, 1: something is worse, has changed or is missing, 2: bad input.
    """
    from ablations import gate

    tell = say(make_console())

    outputs = [path for path in (junit, json_file) if path]
    for place, path in enumerate(outputs):
        require_place(path, [store, baseline, *outputs[:place]])
    if update:
        require_place(baseline, [store])
        if allow_missing or junit or json_file:
            raise InputError("--update compares nothing; give it without --allow-missing, --junit and --json.")
        gate.update(store, baseline, tell)
    elif not gate.check(store, baseline, tell, allow_missing, junit, json_file, verbose):
        sys.exit(1)

"""``m2f rerun``."""

import sys
from pathlib import Path

import click

from ablations.commands.options import import_option, make_console, say, store_option


@click.command()
@click.argument("run", metavar="RUN")
@import_option
@store_option
def rerun(run: str, store: Path) -> None:
    """Repeat the run RUN from its record, and say whether it matches.

    RUN is a run's name, as in `m2f status --json`, or its beginning. The repetition has a directory of its own, under
    reruns/ in the store. Exit code 0: all metrics are equal, 1: they are not, or the repetition failed, 2: bad input.
    """
    from ablations.running.rerun import lines
    from ablations.running.rerun import rerun as repeat

    tell = say(make_console())

    repetition = repeat(store, run, tell)
    for line in lines(repetition):
        tell(line)
    sys.exit(0 if repetition.matches else 1)

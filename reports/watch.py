"""A report while its runs go on: its page is made anew from the store, without a server."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ablations.running.status import run_states
from m2f.errors import InputError

LOOK_EVERY = 5.0  # seconds
ENDED = ("done", "failed")
WAITED_FOR = ("planned", "running")
WAITING = "No run has finished yet; the page comes with the first."


def watch(
    sources: Sequence[Path],
    tables: Sequence[str],
    make_page: Callable[[str], object],
    say: Callable[[str], object],
    wait: Callable[[float], object] = time.sleep,
) -> None:
    """Make a page whenever a run of the stores among the sources has ended, until there is none to wait for.

    Args:
        sources: what the report is made of.
        tables: whose runs to wait for; none, for all.
        make_page: takes a sentence on where the runs stand.
        say: takes what a reader who waits should know.
        wait: takes seconds.

    Raises:
        InputError: none of the sources is a store, or one has no row of a table.
    """
    stores = [source for source in sources if (source / "sweeps").is_dir()]
    if not stores:
        raise InputError("--watch needs a store, into which `m2f run` puts its runs; name it with --store.")
    shown = None
    while True:
        count = Counter(run["state"] for store in stores for run in run_states(store, tables))
        if not any(count[state] for state in WAITED_FOR):
            return
        ended = [count[state] for state in ENDED]
        if ended != shown and count["done"]:
            make_page(standing(count))
        elif shown is None:
            say(WAITING)
        shown = ended
        wait(LOOK_EVERY)


def standing(count: Counter[str]) -> str:
    """Where the runs stand, as a sentence, from how many are in which state."""
    states = ", ".join(f"{count[state]} {state}" for state in (*ENDED, *WAITED_FOR, "interrupted") if count[state])
    return f"Runs go on: {states}, of {count.total()}."

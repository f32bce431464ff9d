"""A case: a copy of a subject's tree, damaged as a seed says, and what came of it."""

import shutil
import tempfile
import traceback
from pathlib import Path
from random import Random

from behaviour import bounded, untouched
from subjects import OUT, SUBJECTS, damage_one


def build(subject: str, trees: Path) -> Path:
    """A subject's whole tree, written when it is first asked for."""
    tree = trees / subject
    if not tree.exists():
        tree.mkdir(parents=True)
        SUBJECTS[subject].build(tree)
    return tree


def fault(subject: str, seed: int, trees: Path) -> str:
    """What a case did that it may not do; empty if nothing.

    Args:
        subject: one of ``SUBJECTS``.
        seed: decides what is damaged, and how.
        trees: where whole trees are kept.
    """
    tree, random = build(subject, trees), Random(f"{subject} {seed}")
    with tempfile.TemporaryDirectory() as above:
        place = Path(above) / "below" / "here"  # so that what leaves by .. is seen
        shutil.copytree(tree, place)
        (place / OUT).mkdir()
        damaged = damage_one(place, random, SUBJECTS[subject].patterns)
        try:
            with bounded(), untouched(Path(above), but=place / OUT):
                SUBJECTS[subject].use(place, random, damaged)
        except Exception as error:  # any is a fault
            return f"{damaged.relative_to(place)} was damaged.\n" + "".join(traceback.format_exception(error))
    return ""

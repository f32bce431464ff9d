"""Run the cases of ``tests/fuzz`` with new seeds until the time is over, and print what is wrong.

    python scripts/fuzz.py --minutes 30
    python scripts/fuzz.py --subject store --seed 1234 --cases 1

The exit code is 1 if anything was wrong.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fuzz"))

from m2f.compiled_ops import provide_compiled_ops

provide_compiled_ops()

from cases import fault  # noqa: E402
from subjects import SUBJECTS  # noqa: E402

FIRST_SEED = 1000  # the tests have those below


def main() -> None:
    """Run cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="the first of the seeds; the others follow")
    parser.add_argument("--cases", type=int, help="at most so many seeds")
    parser.add_argument("--subject", choices=list(SUBJECTS), help="one of the subjects instead of all")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    done, faulty = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as trees:
        for subject, seed in cases(options):
            if time.monotonic() > end:
                break
            done[subject] += 1
            if found := fault(subject, seed, Path(trees)):
                faulty[subject] += 1
                again = f"python scripts/fuzz.py --subject {subject} --seed {seed} --cases 1"
                print(f"{subject}, seed {seed}; again: {again}\n{found}", flush=True)
    for subject, count in done.items():
        print(f"{subject:<14}{count:>8} cases{faulty[subject]:>6} wrong")
    sys.exit(bool(faulty))


def cases(options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Subjects and seeds, a seed of each subject in turn."""
    seeds = itertools.islice(itertools.count(options.seed), options.cases)
    subjects = [options.subject] if options.subject else list(SUBJECTS)
    return ((subject, seed) for seed in seeds for subject in subjects)


if __name__ == "__main__":
    main()

"""Plant a regression in a copy of the suite and see whether the gate catches it: masked attention's mask inverted.

    python scripts/plant_regression.py --out build/planted

clones the commit, lets every query attend where its mask is not, trains that row of Table 4(c), and checks it against
the baseline. With ``--clean`` nothing is planted: the same seeds with the commit as it is. Exit code 0: the gate said
what it should, 1: it did not.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from ablations.gate import check

ROOT = Path(__file__).resolve().parent.parent
FILE = Path("m2f/models/transformer_decoder/cross_attention.py")
SOUND, PLANTED = "inside = mask_logits >= 0\n", "inside = mask_logits < 0\n"
SWEEP = """
import sys
from dataclasses import replace
from ablations.cli import main
from ablations.studies import STUDIES

study = STUDIES["4c"]
STUDIES["4c"] = replace(study, variations=tuple(row for row in study.variations if row.name in ROWS))
main()
"""


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="directory of the copy, its runs and data")
    parser.add_argument("--baseline", type=Path, default=ROOT / "baselines" / "mini.json")
    parser.add_argument("--scale", default="mini")
    parser.add_argument("--seeds", default="5,6,7", help="by default seeds that the baseline does not have")
    parser.add_argument("--rows", nargs="+", default=["masked attention"], help="of Table 4(c)")
    parser.add_argument("--clean", action="store_true", help="plant nothing")
    options = parser.parse_args()
    out = options.out.absolute()
    source = copy(out / "source", planted=not options.clean)
    train(source, options.rows, ["--scale", options.scale, "--seeds", options.seeds, "--store", out / "runs"], out)
    passed = check(out / "runs", options.baseline, print, allow_missing=True, json_file=out / "check.json")
    return 0 if passed == options.clean else 1


def copy(source: Path, planted: bool) -> Path:
    """A clone of the commit, with the regression or without."""
    if not source.exists():
        subprocess.run(["git", "clone", "--quiet", ROOT, source], check=True)
    text = (source / FILE).read_text()
    if planted and PLANTED not in text:
        if text.count(SOUND) != 1:
            raise SystemExit(f"{FILE} has no line '{SOUND.strip()}' to plant the regression in.")
        (source / FILE).write_text(text.replace(SOUND, PLANTED))
    return source


def train(source: Path, rows: list[str], options: list[object], out: Path) -> None:
    """Run the rows with the copy's code."""
    command = ["run", "4c", "--tasks", "panoptic", "--data", out / "data", *options]
    subprocess.run(
        [sys.executable, "-c", SWEEP.replace("ROWS", repr(rows)), *map(str, command)],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())

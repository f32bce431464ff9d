"""``docs/adding-a-variant.md``, done as it says: its files made, its commands given, in a directory of one's own."""

import csv
import json
import re
from pathlib import Path

import pytest
from forked import run_line

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-variant.md"
FILE = re.compile(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The directory, and what each command of the document has shown."""
    directory = tmp_path_factory.mktemp("mine")
    text = DOCUMENT.read_text()
    files = dict(FILE.findall(text))
    assert len(files) == text.count("```python\n") == 4
    for name, source in files.items():
        (directory / name).write_text(source)
    commands = [line for block in COMMANDS.findall(text) for line in block.splitlines()]
    assert len(commands) == 4
    return directory, {command: run_line(command, directory) for command in commands}


def test_the_rows_are_listed(outputs):
    _, shown = outputs
    people, machines = (shown[f"m2f list --import {name}"] for name in ("my_table", "my_rows --json"))
    assert "    soft masks (Mask2Former, R50) [own]\n" in people
    own = [row for row in json.loads(machines) if row["provenance"] == "own"]
    assert [(row["table"], row["variant"]) for row in own] == [("4c", "soft masks"), ("4e", "lateral pyramid")]


def test_the_rows_are_run_and_reported(outputs):
    directory, shown = outputs
    run = shown["m2f run mine --import my_table --scale smoke --tasks panoptic"]
    assert "3 of 3 runs done" in run
    assert run.endswith("Next: m2f report mine --import my_table --store runs --out report\n")
    with (directory / "report" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    pq = {row["variant"]: row for row in rows if row["metric"] == "PQ"}
    assert list(pq) == ["Mask2Former", "soft masks", "lateral pyramid"]
    assert len({row["run"] for row in pq.values()}) == 3
    for kind in ("pdf", "html", "md"):
        assert (directory / "report" / f"report.{kind}").stat().st_size > 0
    assert "lateral pyramid" in (directory / "report" / "report.md").read_text()


def test_the_runs_used_the_designs(outputs):
    directory, _ = outputs
    configs = [path.read_text() for path in (directory / "runs" / "runs").glob("*/config.py")]
    assert sum("'type': 'SoftMaskedAttention'" in config and "my_table" in config for config in configs) == 1
    assert sum("'type': 'LateralPyramid'" in config and "my_table" in config for config in configs) == 1
    assert sum("custom_imports" not in config for config in configs) == 1

"""The picture of the house in ``docs/design.md``, beside the contracts that hold the code to it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "design.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_the_picture_is_the_contracts():
    pictures = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    drawn = [[re.split(r"\s{2,}", line)[0] for line in picture.splitlines()] for picture in pictures]
    assert drawn[:2] == [contract["layers"] for contract in CONTRACTS if contract["type"] == "layers"]


def test_the_walks_lead_through_files_that_are_there():
    steps = re.findall(r"^\d+\. `([^`]+)`:", TEXT, re.MULTILINE)
    assert len(steps) == 13 + 11
    assert all((ROOT / step).is_file() for step in steps)

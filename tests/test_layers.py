"""The parts import one another in one direction alone, lie in few places, and say what they are."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("m2f", "ablations")
FOLDERS = (*PACKAGES, "reports")  # the last a package of ablations, by a link
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def code(tmp_path):
    """A copy of the code with the contract, for imports to be planted in."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def lint(code):
    """The exit code of import-linter, and what it says."""
    command = [LINT, "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=code, capture_output=True, text=True, env={"PYTHONPATH": str(code)})
    return done.returncode, done.stdout + done.stderr


def test_the_code_keeps_the_contract(code):
    status, said = lint(code)
    assert status == 0, said
    assert "Contracts: 4 kept, 0 broken." in said


PLANTED = (
    (
        "ablations/store/claims.py",
        "from ablations.reports import text",
        "ablations.store.claims -> ablations.reports.text",
    ),
    ("ablations/studies/keys.py", "import ablations.gate", "ablations.studies.keys -> ablations.gate"),
    ("m2f/models/points.py", "from m2f.timing import speed", "m2f.models.points -> m2f.timing.speed"),
    ("m2f/lonely.py", '"""A file in no layer."""', "m2f.lonely"),
    ("ablations/reports/text.py", "from m2f.engine import train", "ablations.reports.text -> m2f.engine.train"),
    ("ablations/reports/style.py", "from ablations.reports import html", "- .style -> .html (1 import)"),
)


def test_imports_against_it_are_named(code):
    for file, line, _ in PLANTED:
        with (code / file).open("a") as planted:
            planted.write(f"\n{line}\n")
    status, said = lint(code)
    words = " ".join(said.split())
    assert (status, [broken for _, _, broken in PLANTED if broken not in words]) == (1, []), said
    assert "Contracts: 0 kept, 4 broken." in said


def test_few_files_lie_beside_the_chapters():
    assert len(list((ROOT / "ablations").glob("*.py"))) <= 8


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_says_what_is_in_it(folder):
    folders = {path.parent for path in (ROOT / folder).rglob("*.py")}
    silent = [folder for folder in folders if not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))]
    assert folders and silent == []

"""What an installation has: two packages that hold everything, and nothing of a general name beside them."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from m2f import __version__

ROOT = Path(__file__).parents[1]
PLACES = {"m2f": "m2f", "ablations": "ablations", "reports": "ablations/reports", "configs": "m2f/.mim/configs"}
BUILD = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
USE = """
from ablations.planning.scales import chosen_scale
from ablations.reports import REFERENCE
from ablations.reports.cost_rows import counted_costs
from m2f.config_files import read_config
from pathlib import Path

assert chosen_scale("mini").tasks == ["panoptic", "instance", "semantic"]
assert read_config(Path("own.py")).model.type == "m2f.Mask2Former"
assert counted_costs()
print(REFERENCE)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel's files, unpacked, built from a copy, in whose place setuptools leaves its own."""
    source, place = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for folder in PLACES:
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / file, source / file)
    subprocess.run([sys.executable, "-c", BUILD], cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "dist").iterdir()
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place)
    return place


def files_below(directory):
    """The files that lie below a directory, links not followed."""
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def test_every_file_is_in_a_package_of_ours_and_nothing_else(installed):
    found = {name for name in files_below(installed) if ".dist-info/" not in name}
    tree = {
        f"{place}/{name}"
        for folder, place in PLACES.items()
        for name in files_below(ROOT / folder)
        if "__pycache__" not in name
    }
    assert found == tree
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"m2f", "ablations"}


def test_configs_and_reference_are_found_where_it_is_installed(installed, tmp_path):
    (tmp_path / "own.py").write_text('_base_ = "m2f::mini/panoptic.py"\n')
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r}){USE}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / "ablations" / "reports" / "reference")


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {__version__}\n" in citation

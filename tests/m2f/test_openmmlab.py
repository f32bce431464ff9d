import importlib
import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from m2f import openmmlab

IMPORTS = """
import m2f.models
import m2f.engine.train, m2f.peers
from m2f.registered_types import registered_names
registered_names({"mmdet", "mmseg"})
"""


def test_nothing_is_printed_by_imports():
    """In a process of its own: what this one imports is imported already."""
    result = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_what_prints_when_imported_is_imported_in_one_place():
    package = Path(openmmlab.__file__).parent
    loud = re.compile(r"^\s*(from|import) (mmseg|mmdet\.datasets)\b", re.MULTILINE)
    files = [path for path in package.rglob("*.py") if loud.search(path.read_text(encoding="utf-8"))]
    assert files == [package / "openmmlab.py"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('"FileClient" will be deprecated in future. Please use', False),
        ('"HardDiskBackend" is the alias of "LocalBackend" and', False),
        ("My backbone will be deprecated", True),
    ],
)
def test_mmengines_own_deprecations_are_no_news_and_others_are(message, shown):
    record = logging.LogRecord("mmengine", logging.WARNING, __file__, 1, message, (), None)
    assert openmmlab.is_news(record) == shown


def test_of_warnings_mmengines_own_alone_is_not_shown():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        importlib.reload(openmmlab)
        for module in ("mmengine.utils.dl_utils.setup_env", "mine"):
            warnings.warn_explicit("Multi-processing start method", UserWarning, f"{module}.py", 1, module)
    assert [warning.filename for warning in seen] == ["mine.py"]

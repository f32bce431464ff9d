"""Kernels of an installation that cannot be written, whose user has no home."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import m2f
from m2f.kernels import compiled

PLAIN = """
import numba
try:
    numba.njit(cache=True)(__import__("m2f.paths_of_numba").paths_of_numba.add)
except RuntimeError as error:
    print("refused" if "no locator available" in str(error) else error)
"""
OURS = """
import numpy as np, m2f
from m2f.data.segment_png import add_bytes
from m2f.metrics.overlap_areas import overlap_areas
print(m2f.__file__, overlap_areas(np.zeros((2, 3), np.int32), [0], np.zeros((2, 3), np.int32), [0])[0, 0])
print(add_bytes(1, 2))
"""


def test_data_and_metrics_work_where_nothing_can_be_kept(tmp_path):
    """A file in the place of each ``__pycache__`` stands for a directory that root cannot write either."""
    copy = tmp_path / "m2f"
    shutil.copytree(Path(m2f.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "paths_of_numba.py").write_text("def add(a, b):\n    return a + b\n")
    for directory in {path.parent for path in copy.rglob("*.py")}:
        (directory / "__pycache__").touch()
    places = {"HOME": os.devnull, "XDG_CACHE_HOME": f"{os.devnull}/cache", "PYTHONPATH": str(tmp_path)}
    environment = {**os.environ, **places, "NUMBA_CACHE_DIR": f"{os.devnull}/numba"}

    def printed(source):
        command = [sys.executable, "-B", "-c", source]
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.split()

    assert printed(PLAIN) == ["refused"]
    assert printed(OURS) == [str(copy / "__init__.py"), "6", "3"]


def test_what_another_process_would_not_find_again_is_refused():
    factor = 2

    def times(number):
        return factor * number

    with pytest.raises(ValueError, match="times holds factor; pass them to it"):
        compiled()(times)

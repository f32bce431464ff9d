import os
import subprocess
import sys

# Tests compute on small tensors, where threads cost more than they give. Read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# pytest's workers inherit a width that readline makes up where there is no terminal.
os.environ.pop("COLUMNS", None)

import pytest
import torch

# Where there is no GPU, Triton's kernels run in its interpreter. Read by Triton when it is imported.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

from m2f.compiled_ops import provide_compiled_ops

# Before any test module imports mmcv.ops or mmdet.
provide_compiled_ops()

SLOW = ("tests/m2f/engine/", "tests/docs/")
PATIENCE = 600  # seconds


def pytest_collection_modifyitems(items):
    """Begin with the files that start real processes: two workers then end at about the same time."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


@pytest.fixture(scope="session")
def run_script():
    """Run a script in a process of its own; the process that has ended, with what it printed.

    It is started anew. A fork of this one would have nothing to import, but wait for ever for threads that libraries
    have started here.
    """
    return run_in_process


def run_in_process(script, *arguments, directory):
    """``directory``: where it runs; what it prints is left beside it, so that no pipe can run full."""
    out, err = (directory.with_name(f"{directory.name}-{name}") for name in ("stdout", "stderr"))
    command = [sys.executable, *(str(word) for word in (script, *arguments))]
    with out.open("w") as stdout, err.open("w") as stderr:
        code = subprocess.run(command, cwd=directory, stdout=stdout, stderr=stderr, timeout=PATIENCE).returncode
    return subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())

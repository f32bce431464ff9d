import gc
import os
import signal
import sys
import tempfile
from pathlib import Path

# Tests compute on small tensors, where threads cost more than they give. Read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# pytest's workers inherit a width that readline makes up where there is no terminal.
os.environ.pop("COLUMNS", None)

import pytest
import torch

# Where there is no GPU, Triton's kernels run in its interpreter. Read by Triton when it is imported.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# For helpers that processes of their own import, too.
sys.path.insert(0, str(Path(__file__).parent))

from forked import run_forked

from m2f.compiled_ops import provide_compiled_ops

# Before any test module imports mmcv.ops or mmdet.
provide_compiled_ops()

MEMORY = Path("/dev/shm")
ROOM = 8 << 30  # bytes
SLOW = ("tests/m2f/engine/", "tests/docs/")


def pytest_configure():
    """Listen to Ctrl-C, which a shell lets what it runs in the background ignore; write into memory, if it has room."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if has_room(MEMORY):
        os.environ.setdefault("TMPDIR", str(MEMORY))
        tempfile.tempdir = None  # so that it is asked for again


def has_room(place):
    """Whether it is a file system that takes all that tests write. On a disk they wait as long as they compute."""
    if not place.is_dir():
        return False
    system = os.statvfs(place)
    return system.f_bavail * system.f_frsize >= ROOM and not system.f_flag & os.ST_NOEXEC


def pytest_collection_modifyitems(items):
    """Begin with the files that start real processes: two workers then end at about the same time."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


@pytest.fixture(scope="module", autouse=True)
def few_objects():
    """Keep garbage collections, one for each data set that mmengine loads, out of all that modules have left so far."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def run_script():
    """See :func:`forked.run_forked`."""
    return run_forked

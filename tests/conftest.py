import multiprocessing
import os
import runpy
import subprocess
import sys
from multiprocessing import forkserver
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

from m2f.compiled_ops import provide_compiled_ops

# Before any test module imports mmcv.ops or mmdet.
provide_compiled_ops()

SLOW = ("tests/m2f/engine/", "tests/docs/")
PATIENCE = 600  # seconds
FORK = multiprocessing.get_context("fork")


def pytest_collection_modifyitems(items):
    """Begin with the files that start real processes: two workers then end at about the same time."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


@pytest.fixture(scope="session")
def run_script():
    """Run a script in a process of its own; the process that has ended, with what it printed.

    It is forked from this one, which has imported everything; to import OpenMMLab anew takes longer than most scripts
    do. A process that has touched CUDA cannot be forked, so then it is started anew.
    """
    import m2f.engine.train  # noqa: F401

    return run_in_process


def run_in_process(script, *arguments, directory):
    """``directory``: where it runs; what it prints is left beside it, so that no pipe can run full."""
    out, err = (directory.with_name(f"{directory.name}-{name}") for name in ("stdout", "stderr"))
    command = [str(word) for word in (script, *arguments)]
    with out.open("w") as stdout, err.open("w") as stderr:
        if torch.cuda.is_initialized():
            fresh = [sys.executable, *command]
            code = subprocess.run(fresh, cwd=directory, stdout=stdout, stderr=stderr, timeout=PATIENCE).returncode
        else:
            code = exit_code_of_fork(command, directory, stdout, stderr)
    return subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())


def exit_code_of_fork(command, directory, stdout, stderr):
    process = FORK.Process(target=become, args=(command, directory, stdout, stderr))
    process.start()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


def become(command, directory, stdout, stderr):
    """What Python does when it is given a script. The runs of a sweep are forked from here as well."""
    from ablations.running.executors import local

    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    local.context, forkserver.ensure_running = FORK, lambda: None
    os.chdir(directory)
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).parent))
    runpy.run_path(command[0], run_name="__main__")

import resource
import subprocess
import sys

import pytest

STEPS = """
import ctypes, resource, sys, torch
from m2f.engine.freed_memory import M_MMAP_THRESHOLD, keep_freed_memory
ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**17)  # what glibc begins with
if sys.argv[1] == "keep":
    keep_freed_memory()
for step in range(8):
    if step == 4:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(2**20) for _ in range(5)]
    del tensors
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(choice):
    command = [sys.executable, "-c", STEPS, choice]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux" or resource.getpagesize() != 4096, reason="counts Linux's page faults")
def test_memory_that_a_step_frees_is_there_for_the_next():
    assert page_faults("keep") < 100 < page_faults("give back")

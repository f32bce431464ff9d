import os

# Tests compute on small tensors, where threads cost more than they give. Read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

# Where there is no GPU, Triton's kernels run in its interpreter. Read by Triton when it is imported.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

from m2f.compiled_ops import provide_compiled_ops

# Before any test module imports mmcv.ops or mmdet.
provide_compiled_ops()

SLOW = ("tests/m2f/engine/", "tests/docs/", "tests/test_end_to_end.py")


def pytest_collection_modifyitems(items):
    """Begin with the files that start real processes: two workers then end at about the same time."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))

"""What becomes of memory that a training step frees: it is kept for the next one."""

import ctypes

import torch

# Of glibc's malloc.h. By itself glibc gives back whatever a step frees beyond a few of its tensors, and the system
# fills it with zeros, page by page, when the next step asks for it: thousands of page faults a step, 5 to 8% of a small
# model's time. Tensors above the largest threshold that glibc takes still come and go by themselves.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 2**30  # bytes, more than a mini step takes
MAPPED = 2**25


def keep_freed_memory() -> None:
    """Have this process keep what it frees, where it computes on a CPU and its C library can be told."""
    libc = ctypes.CDLL(None)
    if not torch.cuda.is_available() and hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)

"""What becomes of memory that a training step frees: it is kept for the next one."""

import ctypes

import torch

# Of glibc's malloc.h. What it maps for a large tensor it gives back at once, and the system fills it with zeros, page
# by page, when it is asked for again: thousands of page faults a step, 5 to 8% of the time of a small model's.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Have this process keep what it frees, where it computes on a CPU and its C library can be told."""
    libc = ctypes.CDLL(None)
    if not torch.cuda.is_available() and hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, NEVER)

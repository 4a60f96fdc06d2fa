"""The heap of a training process, where the C library keeps freed memory."""

import ctypes
import sys

#: ``mallopt``'s names for: blocks from this size on come from the system one by one; freed memory above this size goes
#: back to it (``malloc.h`` of glibc).
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
#: The largest values that glibc takes, in bytes.
_LARGEST_BLOCK, _LARGEST_REST = 32 << 20, (1 << 31) - 1


def keep_freed_memory() -> None:
    """Keep freed memory for the next step, if the C library supports it (glibc).

    Each step needs tensors of the same sizes. By default the C library returns them all to the system, which then
    clears every page anew.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, _LARGEST_REST)

"""The heap of this process, where the C library keeps freed memory."""

import ctypes
import sys


def trim() -> None:
    """Return freed memory to the operating system, if the C library supports it (glibc)."""
    if sys.platform == "linux" and (malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        malloc_trim(0)

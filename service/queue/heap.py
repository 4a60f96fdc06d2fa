"""The process's own heap, of which the C library keeps what was freed."""

import ctypes
import sys


def trim() -> None:
    """Give freed memory back to the operating system, where the C library can be asked to (glibc)."""
    if sys.platform == "linux" and (malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        malloc_trim(0)

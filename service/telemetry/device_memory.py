"""The memory usage of a GPU, from its driver."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes of a device's memory, over all processes."""

    used: int
    free: int


def device_memory(device: str, *, ordinal: int = 0) -> DeviceMemory | None:
    """Return the memory of the device; None for a CPU, or if the driver does not answer.

    Args:
        device: ``cpu`` or ``cuda``.
        ordinal: Index of the GPU among those visible to the process; ONNX Runtime uses the first.
    """
    if device != "cuda":
        return None
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return None
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    with _context(driver, ordinal) as entered:
        if not entered or driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) != 0:
            return None
    return DeviceMemory(used=total.value - free.value, free=free.value)


@contextmanager
def _context(driver: ctypes.CDLL, ordinal: int) -> Iterator[bool]:
    """Make the device's primary context, created by ONNX Runtime, current in this thread; yield whether that worked."""
    device, context = ctypes.c_int(0), ctypes.c_void_p()
    if (
        driver.cuInit(0) != 0
        or driver.cuDeviceGet(ctypes.byref(device), ordinal) != 0
        or driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) != 0
    ):
        yield False
        return
    try:
        if driver.cuCtxPushCurrent_v2(context) != 0:
            yield False
            return
        try:
            yield True
        finally:
            driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)

"""How much of a GPU's memory is in use, asked of its driver."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes of the device, of all that use it."""

    used: int
    free: int


def device_memory(device: str, *, ordinal: int = 0) -> DeviceMemory | None:
    """Memory of the device that runs, or None where that is a CPU or its driver does not answer.

    Args:
        device: ``cpu`` or ``cuda``.
        ordinal: Which GPU of those that the process sees; ONNX Runtime takes the first.
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
    """The device's primary context, which ONNX Runtime has made already, as this thread's own; whether that worked."""
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

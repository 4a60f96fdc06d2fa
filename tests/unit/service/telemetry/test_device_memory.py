"""Memory of the device."""

import ctypes.util

import pytest

from service.telemetry.device_memory import device_memory


def test_a_cpu_has_none():
    """Its memory is the process's."""
    assert device_memory("cpu") is None


@pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="there is a driver")
def test_without_a_driver_there_is_no_answer_and_no_error():
    """A scrape never fails for it."""
    assert device_memory("cuda") is None

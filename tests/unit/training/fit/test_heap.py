"""The heap of a training process."""

import platform
import subprocess
import sys

import pytest

#: Faults of pages in steps that need 40 blocks of 2 MiB at once; the first four steps are not counted.
CODE = """
import ctypes, resource
from training.fit.heap import keep_freed_memory
c = ctypes.CDLL(None)
c.malloc.restype, c.free.argtypes, c.memset.argtypes = ctypes.c_void_p, [ctypes.c_void_p], [
    ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
size = 2 << 20
{before}
for step in range(8):
    if step == 4:
        begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [c.malloc(size) for _ in range(40)]
    for block in blocks:
        c.memset(block, 1, size)
    for block in blocks:
        c.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begun)
"""


def faults(before: str = "") -> int:
    """Count the faults in a process of its own, since the setting stays."""
    ran = subprocess.run([sys.executable, "-c", CODE.format(before=before)], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is one of glibc")
def test_memory_that_a_step_frees_serves_the_next():
    """Without it, the system clears all pages of each step's blocks anew."""
    assert faults("keep_freed_memory()") < faults() / 10

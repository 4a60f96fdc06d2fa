"""The interface of an engine and its errors."""

from typing import Protocol

from biasfree.pixels import FloatArray


class EngineError(Exception):
    """The device failed on a batch."""


class OutOfDeviceMemory(EngineError):
    """The batch does not fit into the device's memory."""


class DeviceUnavailable(EngineError):
    """The requested device is not available."""


class Engine(Protocol):
    """A runner of batches, called from as many threads as it has workers."""

    @property
    def device(self) -> str:
        """Return the device in use: ``cpu`` or ``cuda``."""

    @property
    def workers(self) -> int:
        """Return the maximum number of batches it runs at a time, each on one of its threads."""

    @property
    def tolerance(self) -> float:
        """Return the largest difference from a golden tile due to arithmetic, relative to the tile's largest value."""

    def run(self, model: str, batch: FloatArray, *, wide: bool = True) -> FloatArray:
        """Denoise a batch; the result does not depend on ``wide``.

        Args:
            model: Name of a loaded model.
            batch: (B, C, H, W), float32, C-contiguous, any range.
            wide: True to use all threads, for a batch that runs alone; False to use one thread, beside other batches.

        Returns:
            (B, C, H, W), float32, not clipped.

        Raises:
            OutOfDeviceMemory: A smaller batch may succeed.
            EngineError: The device failed.
        """

    def release(self) -> None:
        """Free memory kept for further batches; called when none has arrived for a while."""

"""What an engine does, and how it fails."""

from typing import Protocol

from biasfree.pixels import FloatArray


class EngineError(Exception):
    """The device failed on a batch."""


class OutOfDeviceMemory(EngineError):
    """The batch does not fit into the device's memory."""


class DeviceUnavailable(EngineError):
    """The device asked for is not there."""


class Engine(Protocol):
    """Runs batches; called from as many threads as it has workers."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``: what really runs."""

    @property
    def workers(self) -> int:
        """Batches that it runs at a time where there are as many: each then has one of its threads."""

    @property
    def tolerance(self) -> float:
        """Largest difference to a golden tile that its arithmetic explains, relative to the tile's largest value."""

    def run(self, model: str, batch: FloatArray, *, wide: bool = True) -> FloatArray:
        """Denoise a batch; the result does not depend on ``wide``.

        Args:
            model: Name of a loaded model.
            batch: (B, C, H, W), float32, C-contiguous, any range.
            wide: On all threads, for one batch that is alone; otherwise on one, beside others.

        Returns:
            (B, C, H, W), float32, not clipped.

        Raises:
            OutOfDeviceMemory: A smaller batch may succeed.
            EngineError: The device failed.
        """

    def release(self) -> None:
        """Give back memory that was kept for further batches; called where none came for a while."""

"""The golden tile: proof that a device computes what the model's card says."""

import time

import numpy as np

from biasfree.card import Card
from biasfree.engines.engine import Engine, EngineError

#: Side of the square that is timed for the first estimate of the pixel rate.
TIMED_SIDE = 256


class GoldenMismatch(EngineError):
    """The device computes, and the result is not the expected one."""


def check_golden(engine: Engine, card: Card) -> None:
    """Denoise the card's golden tile and compare, in each way in which the engine runs batches.

    Raises:
        GoldenMismatch: The result is not the expected one.
        EngineError: The device failed.
    """
    expected = card.golden.denoised
    # A batch that runs beside others has weights of its own in memory.
    for wide in (True, False) if engine.workers > 1 else (True,):
        denoised = engine.run(card.name, card.golden.noisy[None], wide=wide)[0]
        worst = float(np.abs(denoised - expected).max() / np.abs(expected).max())
        if not worst <= engine.tolerance:
            raise GoldenMismatch(
                f"model {card.name!r} is off by {worst:.1e} on {engine.device}, expected {engine.tolerance} at most"
            )


def measure_rate_px_s(engine: Engine, card: Card) -> float:
    """Pixels a second of one warm run, the first estimate for the queue."""
    tile = np.zeros((1, card.channels, TIMED_SIDE, TIMED_SIDE), np.float32)
    engine.run(card.name, tile)
    start = time.perf_counter()
    engine.run(card.name, tile)
    return TIMED_SIDE**2 / (time.perf_counter() - start)

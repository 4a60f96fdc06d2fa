"""The golden tile, which proves that a device computes the result on the model's card."""

import time

import numpy as np

from biasfree.card import Card
from biasfree.engines.engine import Engine, EngineError

#: Side of the square timed for the first estimate of the pixel rate. On a CPU, the smaller one takes a quarter of the
#: time, and gives the same rate within 11 % (gray, color and gray-best on two cores).
TIMED_SIDE, TIMED_SIDE_CPU = 256, 128


class GoldenMismatch(EngineError):
    """The device computes a result that is not the expected one."""


def check_golden(engine: Engine, card: Card) -> None:
    """Denoise the card's golden tile and check the result, in each mode in which the engine runs batches.

    Raises:
        GoldenMismatch: The result is not the expected one.
        EngineError: The device failed.
    """
    expected = card.golden.denoised
    # Batches that run side by side use a separate copy of the weights.
    for wide in (True, False) if engine.workers > 1 else (True,):
        denoised = engine.run(card.name, card.golden.noisy[None], wide=wide)[0]
        worst = float(np.abs(denoised - expected).max() / np.abs(expected).max())
        if not worst <= engine.tolerance:
            raise GoldenMismatch(
                f"model {card.name!r} gives wrong results on {engine.device}: its golden tile is off by {worst:.1e}, "
                f"and at most {engine.tolerance} is allowed"
            )


def measure_rate_px_s(engine: Engine, card: Card) -> float:
    """Measure the pixels per second of one warm run, the first estimate for the queue."""
    side = TIMED_SIDE_CPU if engine.device == "cpu" else TIMED_SIDE
    tile = np.zeros((1, card.channels, side, side), np.float32)
    engine.run(card.name, tile)
    start = time.perf_counter()
    engine.run(card.name, tile)
    return side**2 / (time.perf_counter() - start)

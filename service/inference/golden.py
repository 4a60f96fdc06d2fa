"""The golden tile: proof that a device computes what the model's card says."""

import time

import numpy as np

from biasfree.card import Card
from service.inference.engine import Engine, EngineError

#: Side of the square that is timed for the first estimate of the pixel rate.
TIMED_SIDE = 256


def check_golden(engine: Engine, card: Card) -> None:
    """Denoise the card's golden tile and compare.

    Raises:
        EngineError: The device failed, or its result is not the expected one.
    """
    expected = card.golden.denoised
    denoised = engine.run(card.name, card.golden.noisy[None])[0]
    worst = float(np.abs(denoised - expected).max() / np.abs(expected).max())
    if not worst <= engine.tolerance:
        raise EngineError(
            f"model {card.name!r} is off by {worst:.1e} on {engine.device}, expected {engine.tolerance} at most"
        )


def measure_rate_px_s(engine: Engine, card: Card) -> float:
    """Pixels a second of one warm run, the first estimate for the queue."""
    tile = np.zeros((1, card.channels, TIMED_SIDE, TIMED_SIDE), np.float32)
    engine.run(card.name, tile)
    start = time.perf_counter()
    engine.run(card.name, tile)
    return TIMED_SIDE**2 / (time.perf_counter() - start)

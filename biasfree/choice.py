"""Choose between a network for white noise and one for any noise, by what they take away from an image.

Trained on white noise alone, a network removes it best, and next to nothing of any other: correlated noise it takes for
the picture, and of uneven noise it removes what the quietest place has. So it is right where it removes as much as the
network for any noise does, everywhere in the image. Where what that one removed is correlated, it is not tried.
How often this errs is in docs/adr/0005-two-networks.md.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

#: The models for white noise that are used where none is named, by the number of channels.
DEFAULT_MODELS = {1: "gray", 3: "color"}
#: Ending of the name of the corresponding model for any noise.
ANY_NOISE = "-real"

#: Side of the blocks in which the energies removed are compared, pixels.
_BLOCK = 32
#: Rows that are worked on at a time: the temporary arrays stay below those of the network.
_BAND = 16 * _BLOCK
#: Correlation of the residual with its neighbors, and between channels, that white noise does not reach.
_NEIGHBORS, _CHANNELS = 0.3, 0.65
#: Energy removed by the network for white noise over that of the other, in the whole image.
_WHOLE = (0.75, 4.0)
#: The same in nearly all blocks, of gray and of color. Beside a clean area the networks for white noise remove at most
#: 0.06 (gray) and 0.42 (color) in the worst 5 % of the blocks, of noise of sigma 10 everywhere at least 0.26 and 0.67.
_LEAST_GRAY, _LEAST_COLOR, _EXCEPT = 0.2, 0.45, 0.05


def is_correlated(noisy: FloatArray, denoised: FloatArray) -> bool:
    """Tell whether what was removed is correlated in space or between channels.

    Args:
        noisy: y (C, H, W).
        denoised: f(y) by the network for any noise.
    """
    energy = neighbors = below = total = 0.0
    for removed in _bands(noisy, denoised):
        energy += _sum(removed, removed)
        neighbors += _sum(removed[..., 1:], removed[..., :-1])
        below += _sum(removed[:, 1:], removed[:, :-1])
        over_channels = removed.sum(axis=0)
        total += _sum(over_channels, over_channels)
    between = (total - energy) / max(len(noisy) - 1, 1)
    return max(neighbors, below) >= _NEIGHBORS * energy or between >= _CHANNELS * energy


def is_white(noisy: FloatArray, denoised: FloatArray, by_white: FloatArray) -> bool:
    """Tell whether the network for white noise removes as much as the one for any noise, everywhere.

    Args:
        noisy: y (C, H, W).
        denoised: f(y) by the network for any noise.
        by_white: f(y) by the network for white noise.
    """
    reference, energy = _energies(noisy, denoised), _energies(noisy, by_white)
    low, high = _WHOLE
    if not low * reference.sum() <= energy.sum() <= high * reference.sum():
        return False
    # Blocks of one value, of which neither takes anything, count as those of which too little is taken.
    shares = energy / np.maximum(reference, np.finfo(np.float32).tiny)
    return bool(np.quantile(shares, _EXCEPT) >= (_LEAST_GRAY if len(noisy) == 1 else _LEAST_COLOR))


def _bands(noisy: FloatArray, denoised: FloatArray) -> Iterator[FloatArray]:
    """Give what was removed, some rows at a time."""
    for top in range(0, noisy.shape[1], _BAND):
        rows = slice(top, top + _BAND)
        yield noisy[:, rows] - denoised[:, rows]


def _energies(noisy: FloatArray, denoised: FloatArray) -> npt.NDArray[np.float64]:
    """Sum of squares of what was removed, in each block; those at the right and the bottom may be smaller."""
    columns = np.arange(0, noisy.shape[2], _BLOCK)
    bands = []
    for removed in _bands(noisy, denoised):
        squares = np.einsum("chw,chw->hw", removed, removed, dtype=np.float64)
        rows = np.arange(0, len(squares), _BLOCK)
        bands.append(np.add.reduceat(np.add.reduceat(squares, rows, axis=0), columns, axis=1))
    return np.concatenate(bands)


def _sum(left: FloatArray, right: FloatArray) -> float:
    return float(np.sum(left * right, dtype=np.float64))

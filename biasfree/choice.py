"""The choice between a network for white noise and one for any noise, based on what they remove from an image.

A network trained on white noise alone removes white noise best, but hardly any other noise: it takes correlated noise
for the picture, and removes uneven noise only down to the level of the quietest place. It is therefore the right choice
if it removes as much as the network for any noise, everywhere in the image, and about as much in one place as in
another. If the noise removed by the network for any noise is correlated, the network for white noise is not tried.

In light noise the two differ in texture, of which the network for any noise removes too much. Then the network for
white noise is right if both remove much the same.
docs/adr/0005-two-networks.md has the error rates.
"""

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

#: Names of the automatic choices.
AUTO, BEST, FAST = "auto", "best", "fast"
#: Their models for white noise by number of channels. Those of ``fast`` are for any noise: there is nothing to choose.
CHOICES: Mapping[str, Mapping[int, str]] = {
    AUTO: {1: "gray", 3: "color"},
    BEST: {1: "gray-best", 3: "color-best"},
    FAST: {1: "gray-fast", 3: "color-fast"},
}
DEFAULT_MODELS = CHOICES[AUTO]
#: Suffix in the name of the corresponding model for any noise.
ANY_NOISE = "-real"

#: Side of the blocks in which the energies removed are compared, pixels.
_BLOCK = 32
#: Rows processed at a time: the temporary arrays stay smaller than those of the network.
_BAND = 16 * _BLOCK
#: Correlation of the residual between neighbors, and between channels, that white noise does not reach.
_NEIGHBORS, _CHANNELS = 0.3, 0.65
#: Difference of the correlations along rows and along columns: at most 0.1 in white noise, and at least 0.2 where rows
#: have offsets.
_DIRECTION = 0.15
#: Energy removed by the network for white noise over that removed by the other, in the whole image. It removes more
#: than twice as much where it takes sharp text for noise.
_WHOLE = (0.75, 2.0)
#: The same in nearly all blocks, for gray and color. In the worst 5 % of the blocks, `gray` removes at most 0.05 beside
#: a clean area and 0.22 in one fluorescence image. If the whole image has noise of sigma 10, the networks remove at
#: least 0.48 (gray) and 0.67 (color).
_LEAST_GRAY, _LEAST_COLOR, _EXCEPT = 0.3, 0.45, 0.05
#: The least and the most that it removes per pixel in nearly all blocks, as multiples of the median block: white noise
#: is equally strong everywhere. If the whole image has noise of sigma 10 they are 0.26 and 1.8. With photon noise the
#: most is 2.8 in some images. In the cases of `training robustness` with quiet areas or outliers, one is always beyond.
_EVEN = (0.25, 2.5)

#: Noise is light if the network for any noise removes at most this part of the image's standard deviation. White noise
#: is in 63 of 64 photographs at sigma 3, in 51 at sigma 5. In the lightest of 13 fluorescence images it removes 0.23.
_LIGHT = 0.1
#: In light noise: bounds of the energy, as in ``_WHOLE``, and least correlation of what the two networks remove. At
#: sigma 3 the correlation is above 0.6 in 59 of those 64; without noise it is 0.33, and the energy 0.02, where texture
#: is strongest. The correlation is at most 0.1 in color text of sigma 1. Of 224 crops of camera noise in gray, where it
#: may be too light to be found correlated, one has as much of both.
_ALL_LIGHT, _ALIKE = (0.015, 1.25), 0.3


def for_any_noise(white: str, models: Collection[str]) -> str | None:
    """Return the name of the model for any noise that is chosen beside one for white noise; None if there is none.

    Args:
        white: Name of the model for white noise.
        models: Names of the models that there are.
    """
    name = white.removesuffix(f"-{BEST}") + ANY_NOISE
    return name if name in models else None


def is_correlated(noisy: FloatArray, denoised: FloatArray) -> bool:
    """Tell whether the removed noise is correlated in space or between channels.

    Args:
        noisy: y (C, H, W).
        denoised: f(y) by the network for any noise.
    """
    energy = beside = below = total = 0.0
    for removed in _bands(noisy, denoised):
        energy += _sum(removed, removed)
        beside += _sum(removed[..., 1:], removed[..., :-1])
        below += _sum(removed[:, 1:], removed[:, :-1])
        over_channels = removed.sum(axis=0)
        total += _sum(over_channels, over_channels)
    between = (total - energy) / max(len(noisy) - 1, 1)
    if abs(beside - below) >= _DIRECTION * energy:
        return True
    return max(beside, below) >= _NEIGHBORS * energy or between >= _CHANNELS * energy


def is_white(noisy: FloatArray, denoised: FloatArray, by_white: FloatArray) -> bool:
    """Tell whether the network for white noise is the right one for an image, given what both remove from it.

    Args:
        noisy: y (C, H, W).
        denoised: f(y) by the network for any noise.
        by_white: f(y) by the network for white noise.
    """
    reference, energy = _energies(noisy, denoised), _energies(noisy, by_white)
    ratio = energy.sum() / reference.sum()
    low, high = _ALL_LIGHT
    if reference.sum() <= _LIGHT**2 * noisy.size * _variance(noisy) and low <= ratio <= high:
        both = sum(_sum(*each) for each in zip(_bands(noisy, denoised), _bands(noisy, by_white), strict=True))
        if both >= _ALIKE * np.sqrt(reference.sum() * energy.sum()):
            return True
    low, high = _WHOLE
    if not low <= ratio <= high:
        return False
    # Constant blocks, from which neither network removes anything, count as blocks from which too little is removed.
    shares = energy / np.maximum(reference, np.finfo(np.float32).tiny)
    if np.quantile(shares, _EXCEPT) < (_LEAST_GRAY if len(noisy) == 1 else _LEAST_COLOR):
        return False
    strength = energy / np.outer(*(np.diff(_starts(side), append=side) for side in noisy.shape[1:]))
    least, median, most = np.quantile(strength, [_EXCEPT, 0.5, 1 - _EXCEPT])
    return bool(_EVEN[0] * median <= least and most <= _EVEN[1] * median)


def _bands(noisy: FloatArray, denoised: FloatArray) -> Iterator[FloatArray]:
    """Yield the removed noise, some rows at a time."""
    for top in range(0, noisy.shape[1], _BAND):
        rows = slice(top, top + _BAND)
        yield noisy[:, rows] - denoised[:, rows]


def _energies(noisy: FloatArray, denoised: FloatArray) -> npt.NDArray[np.float64]:
    """Return the energy of the removed noise per block."""
    columns = _starts(noisy.shape[2])
    rows = [
        np.add.reduceat(np.einsum("chw,chw->hw", removed, removed, dtype=np.float64), columns, axis=1)
        for removed in _bands(noisy, denoised)
    ]
    return np.add.reduceat(np.concatenate(rows), _starts(noisy.shape[1]), axis=0)


def _variance(image: FloatArray) -> float:
    """Return the variance of all values of an image (C, H, W)."""
    rows = [image[:, top : top + _BAND] for top in range(0, image.shape[1], _BAND)]
    mean = float(image.mean(dtype=np.float64))
    return sum(_sum(some - mean, some - mean) for some in rows) / image.size


def _starts(side: int) -> npt.NDArray[np.intp]:
    """Return where blocks begin; the last one is larger than the others if ``side`` is no multiple of them."""
    return np.arange(0, max(side - _BLOCK, 0) + 1, _BLOCK)


def _sum(left: FloatArray, right: FloatArray) -> float:
    return float(np.sum(left * right, dtype=np.float64))

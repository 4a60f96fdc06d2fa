"""The choice between a network for white noise and one for any noise, based on what they remove from an image.

A network trained on white noise alone removes white noise best, but hardly any other noise: it takes correlated noise
for the picture and, unless its training had uneven noise as well, removes such noise only down to the level of the
quietest place. It is therefore the right choice if it removes much the same as the network for any noise, and, without
such training, not too little anywhere. If the noise removed by the network for any noise is correlated, the network for
white noise is not tried.

In light noise the two differ in texture, of which the network for any noise removes too much. Then the network for
white noise may also remove much less.
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
#: The noise of an image is measured by what the network for any noise removes, as a part of the image's standard
#: deviation: 0.16 is white noise of sigma 10 in half of 64 photographs, 0.4 of sigma 25. Noise up to the first bound is
#: light; up to the second, very light; up to the others, faint. In the lightest of 13 fluorescence images it is 0.23.
_LIGHT, _VERY_LIGHT, _FAINT_GRAY, _FAINT_COLOR = 0.2, 0.12, 0.02, 0.1
#: Most of 1 - r times the noise, where r is the correlation of what the two networks remove: the lighter the noise, the
#: more of it they dispute. In 448 crops with white noise of sigma 20 to 150 it is at most 0.012. In such noise beside
#: black or a clean area, where a network that did not learn uneven noise is mistaken, it is at least 0.03.
_DISPUTED = 0.018
#: Energy removed by the network for white noise over that removed by the other, in the whole image: bounds of the
#: least, which is ``_BESIDE_NOISE`` plus the noise, and the most. The stronger the noise, the less counts the texture
#: that only the other removes: in those crops the ratio is at least 0.92. In fluorescence images and in images of few
#: photons, where the other is better, it is mostly below 0.9; a network that learned uneven noise removes more of it.
_LEAST, _LEAST_UNEVEN, _BESIDE_NOISE, _MOST = (0.6, 0.92), 0.95, 0.5, 4.0
#: The most in sharp drawings, whose contrast is large beside any noise, since it exceeds this if text is taken for
#: noise; and the most noise of what may be such a drawing, for gray and color: in text of sigma 15 it is 0.012.
_MOST_DRAWN, _DRAWN_GRAY, _DRAWN_COLOR = 2.0, 0.02, 0.015
#: The least of the same in nearly all blocks, for gray and color, of a network that did not learn uneven noise, as the
#: two further bounds. In the worst 5 % of the blocks, `gray` removes at most 0.05 beside a clean area.
_LEAST_BLOCK_GRAY, _LEAST_BLOCK_COLOR, _EXCEPT = 0.3, 0.45, 0.05
#: The least and the most that the network for white noise removes per pixel in nearly all blocks, as multiples of the
#: median block. Noise that grows gradually over the image mostly has up to 4, two levels half the time over 7. The
#: least is asked for in light noise instead of the one above, because of texture; in faint noise nothing of the kind,
#: since it hardly fails there.
_QUIETEST, _LOUDEST = 0.01, 7.0
#: In very light noise it may remove still less, all but the texture: the least energy, the least correlation of what
#: the two remove, and the most correlation of what it leaves with what it removes: that of texture is low, that of
#: noise high. Without noise the first two are 0.02 and 0.33 where texture is strongest. In color text of sigma 1 the
#: second is at most 0.1.
_LEAST_TEXTURED, _ALIKE, _LEFT = 0.015, 0.3, 0.5
#: The most that the other removes per pixel in a block then, as a multiple of the median block: texture rarely reaches
#: more, and noise in a corner of the image has 110 to 500,000. Not asked of a network that learned uneven noise.
_LOCAL = 100.0


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


def is_white(noisy: FloatArray, denoised: FloatArray, by_white: FloatArray, *, uneven: bool) -> bool:
    """Tell whether the network for white noise is the right one for an image, given what both remove from it.

    Args:
        noisy: y (C, H, W).
        denoised: f(y) by the network for any noise.
        by_white: f(y) by the network for white noise.
        uneven: Whether the network for white noise learned that noise may be uneven.
    """
    gray = len(noisy) == 1
    reference, energy = _energies(noisy, denoised), _energies(noisy, by_white)
    pixels = np.outer(*(np.diff(_starts(side), append=side) for side in noisy.shape[1:]))
    ratio = energy.sum() / reference.sum()
    if ratio == 0:
        return False
    both = sum(_sum(*each) for each in zip(_bands(noisy, denoised), _bands(noisy, by_white), strict=True))
    alike = both / np.sqrt(reference.sum() * energy.sum())
    level = np.sqrt(reference.sum() / noisy.size)
    noise = level / max(level, np.sqrt(_variance(noisy)))
    if noise <= _VERY_LIGHT and _LEAST_TEXTURED <= ratio < _LEAST[0]:
        left = energy.sum() + reference.sum() - 2 * both
        texture = alike >= _ALIKE and both - energy.sum() <= _LEFT * np.sqrt(energy.sum() * left)
        removed = reference / pixels
        return bool(texture and (uneven or removed.max() <= _LOCAL * np.median(removed)))
    least = np.clip(_BESIDE_NOISE + noise, _LEAST[0], _LEAST_UNEVEN if uneven else _LEAST[1])
    most = _MOST_DRAWN if noise <= (_DRAWN_GRAY if gray else _DRAWN_COLOR) else _MOST
    if not least <= ratio <= most or noise * (1 - alike) > _DISPUTED:
        return False
    if uneven or noise <= (_FAINT_GRAY if gray else _FAINT_COLOR):
        return True
    strength = energy / pixels
    quietest, median, loudest = np.quantile(strength, [_EXCEPT, 0.5, 1 - _EXCEPT])
    if loudest > _LOUDEST * median:
        return False
    if noise <= _LIGHT:
        return bool(quietest >= _QUIETEST * median)
    # Constant blocks, from which neither network removes anything, count as blocks from which too little is removed.
    share = np.quantile(energy / np.maximum(reference, np.finfo(np.float32).tiny), _EXCEPT)
    return bool(share >= (_LEAST_BLOCK_GRAY if gray else _LEAST_BLOCK_COLOR))


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

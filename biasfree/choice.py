"""The choice between a network for white noise and one for any noise, based on what they remove from an image.

A network trained on white noise removes white noise best, but hardly any other noise: it takes correlated noise for the
picture. It is therefore the right choice if it removes much the same as the network for any noise. If the noise removed
by the network for any noise is correlated, the network for white noise is not tried.

Drawings of few colors or of areas of one color have no noise: the network that removes less of them is taken.

In light noise the two differ in texture, of which the network for any noise removes too much. Then the network for
white noise may also remove much less.
docs/adr/0005-two-networks.md has the error rates.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from biasfree.options import DenoiseOptions, EnsembleSize
from biasfree.pixels import FloatArray, PixelArray, thinned

OptionsT = TypeVar("OptionsT", bound=DenoiseOptions)

#: Names of the automatic choices.
AUTO, BEST, FAST = "auto", "best", "fast"
#: Their models for white noise by number of channels. Those of ``fast`` are for any noise: there is nothing to choose.
CHOICES: Mapping[str, Mapping[int, str]] = {
    AUTO: {1: "gray", 3: "color"},
    BEST: {1: "gray-best", 3: "color-best"},
    FAST: {1: "gray-fast", 3: "color-fast"},
}
DEFAULT_MODELS = CHOICES[AUTO]
#: Orientations over which ``best`` averages at least if the noise is not white: as much work as its networks for white
#: noise, which are four times as large as that for any noise.
BEST_ENSEMBLE: EnsembleSize = 4
#: Suffix in the name of the corresponding model for any noise.
ANY_NOISE = "-real"

#: Side of the blocks in which the energies removed are compared, pixels.
_BLOCK = 32
#: Rows processed at a time: the temporary arrays stay smaller than those of the network.
_BAND = 16 * _BLOCK
#: The same where several are held at once.
_FEW_ROWS = 4 * _BLOCK
#: Correlation of the residual between neighbors, and between channels, that white noise does not reach.
_NEIGHBORS, _CHANNELS = 0.3, 0.65
#: Difference of the correlations along rows and along columns: at most 0.1 in white noise, and at least 0.2 where rows
#: have offsets.
_DIRECTION = 0.15
#: Least part of what was removed that lies between equal neighbors in a drawing of flat colors: in squares of four
#: pixels and more it is 0.67 to 0.97. In an image that was enlarged by 2 or 3 without interpolation, noise has up to
#: 0.66 (color); in any other noise of more than isolated pixels, up to 0.46.
_FLAT = 0.67
#: Part of the values that is clipped at either end for the image's standard deviation.
_EXTREME = 0.01
#: Least range of the frame that decides, as a part of the largest of all frames.
_VARIED = 0.5
#: Most colors of a drawing whose pixels differ from their neighbors, such as a dithered picture or a stipple.
_FEW_COLORS = 4
#: The noise of an image is measured by what the network for any noise removes, as a part of the image's standard
#: deviation: 0.16 is white noise of sigma 10 in half of 64 photographs, 0.4 of sigma 25. Up to this bound it is light.
_LIGHT = 0.12
#: Most of 1 - r times the noise, where r is the correlation of what the two networks remove: the lighter the noise, the
#: more of it they dispute. The bound is ``_DISPUTED_SLOPE`` times 1 - noise, within the other two. In 34 crops with
#: white noise it is at most 0.012 for sigma 25, 0.009 for 50 and 0.006 for 100; in gray images of three to ten photons,
#: where the network for any noise is up to 5 dB better, 0.006 to 0.03.
_DISPUTED, _DISPUTED_STRONG, _DISPUTED_SLOPE = 0.018, 0.008, 0.03
#: Energy removed by the network for white noise over that removed by the other, in the whole image: bounds of the
#: least, which is ``_BESIDE_NOISE`` plus the noise, and the most. The stronger the noise, the less counts the texture
#: that only the other removes. In fluorescence images and in images of few photons, where the other is better, it is
#: mostly below 0.9.
_LEAST, _BESIDE_NOISE, _MOST = (0.6, 0.95), 0.5, 4.0
#: The most in sharp drawings, whose contrast is large beside any noise, since it exceeds this if text is taken for
#: noise; and the most noise of what may be such a drawing, for gray and color: in text of sigma 15 it is 0.012.
_MOST_DRAWN, _DRAWN_GRAY, _DRAWN_COLOR = 2.0, 0.02, 0.015
#: The most that the network for white noise removes per pixel in any block, as a multiple of what the other removes in
#: its own loudest block: beside a hot pixel or a star it removes 5 to 6,000 times as much, which is not noise, and
#: elsewhere mostly up to 2.
_MOST_BLOCK = 4.0
#: In light noise it may remove still less, all but the texture: the least energy, the least correlation of what the two
#: remove, and the most correlation of what it leaves with what it removes: that of texture is low, that of noise high.
#: Without noise the first two are 0.02 and 0.33 where texture is strongest. In color text of sigma 1 the second is at
#: most 0.1.
_LEAST_TEXTURED, _ALIKE, _LEFT = 0.015, 0.3, 0.5
#: The least of what the other removes per pixel in the worst 5 % of the blocks then, as a multiple of the median block,
#: if the energy is less than the second value: texture varies over the image. Noise that is left because of bright
#: stars has 1.1 to 1.3, and a ratio of 0.22 to 0.38.
_TEXTURED, _CLEARLY_LESS = 1.4, 0.45


def for_any_noise(white: str, models: Collection[str]) -> str | None:
    """Return the name of the model for any noise that is chosen beside one for white noise; None if there is none.

    Args:
        white: Name of the model for white noise.
        models: Names of the models that there are.
    """
    name = white.removesuffix(f"-{BEST}") + ANY_NOISE
    return name if name in models else None


def deciding(frames: Sequence[PixelArray]) -> int:
    """Return the index of the frame (H, W, C) by which the networks are chosen: the first that shows enough.

    A film may begin with black, and a stack with a frame out of focus.
    """
    if len(frames) == 1:
        return 0
    halves = [np.quantile(thinned(np.moveaxis(frame, -1, 0)) / 2, [_EXTREME, 1 - _EXTREME]) for frame in frames]
    ranges = [float(high - low) for low, high in halves]
    return next(index for index, each in enumerate(ranges) if each >= _VARIED * max(ranges))


def any_noise_options(choice: str | None, options: OptionsT) -> OptionsT:
    """Return the options of a request for its network for any noise, which ``best`` averages over orientations."""
    if choice != BEST:
        return options
    return options.model_copy(update={"ensemble": max(options.ensemble, BEST_ENSEMBLE)})


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


def is_drawing(noisy: FloatArray, denoised: FloatArray) -> bool:
    """Tell whether an image without noise has few colors, or areas of one color in which most was removed.

    Args:
        noisy: y (C, H, W).
        denoised: f(y) by the network for any noise.
    """
    return _is_flat(noisy, denoised) or (_has_few_colors(noisy) and not np.array_equal(noisy, denoised))


def _has_few_colors(image: FloatArray) -> bool:
    """Tell whether an image (C, H, W) has at most ``_FEW_COLORS`` colors. Noise soon shows more."""
    colors = np.empty((0, len(image)), image.dtype)
    for top in range(0, image.shape[1], _BLOCK):
        pixels = image[:, top : top + _BLOCK].reshape(len(image), -1).T
        for each in colors:
            pixels = pixels[(pixels != each).any(axis=1)]
        while len(pixels):
            if len(colors) == _FEW_COLORS:
                return False
            colors = np.concatenate([colors, pixels[:1]])
            pixels = pixels[(pixels != pixels[0]).any(axis=1)]
    return True


def _is_flat(noisy: FloatArray, denoised: FloatArray) -> bool:
    """Tell whether most of what was removed lies between equal neighbors."""
    flat = total = 0.0
    for top in range(0, noisy.shape[1], _FEW_ROWS):
        image = noisy[:, top : top + _FEW_ROWS]
        removed = image - denoised[:, top : top + _FEW_ROWS]
        energy = np.einsum("chw,chw->hw", removed, removed)
        for equal, pairs in (
            (image[:, 1:] == image[:, :-1], energy[1:] + energy[:-1]),
            (image[..., 1:] == image[..., :-1], energy[:, 1:] + energy[:, :-1]),
        ):
            total += float(pairs.sum(dtype=np.float64))
            flat += float(pairs[equal.all(axis=0)].sum(dtype=np.float64))
    return flat > _FLAT * total


def removes_less(noisy: FloatArray, by_white: FloatArray, denoised: FloatArray) -> bool:
    """Tell whether the network for white noise changes an image (C, H, W) less than the network for any noise."""
    energy, reference = (
        sum(_sum(removed, removed) for removed in _bands(noisy, each)) for each in (by_white, denoised)
    )
    return energy < reference


def is_white(noisy: FloatArray, denoised: FloatArray, by_white: FloatArray) -> bool:
    """Tell whether the network for white noise is the right one for an image, given what both remove from it.

    Args:
        noisy: y (C, H, W).
        denoised: f(y) by the network for any noise.
        by_white: f(y) by the network for white noise.
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
    noise = level / max(level, _deviation(noisy))
    if noise <= _LIGHT and _LEAST_TEXTURED <= ratio < _LEAST[0]:
        left = energy.sum() + reference.sum() - 2 * both
        texture = alike >= _ALIKE and both - energy.sum() <= _LEFT * np.sqrt(energy.sum() * left)
        median, loud = np.quantile(reference / pixels, [0.5, 0.95])
        return bool(texture and (ratio >= _CLEARLY_LESS or loud >= _TEXTURED * median))
    least = np.clip(_BESIDE_NOISE + noise, *_LEAST)
    most = _MOST_DRAWN if noise <= (_DRAWN_GRAY if gray else _DRAWN_COLOR) else _MOST
    disputed = np.clip(_DISPUTED_SLOPE * (1 - noise), _DISPUTED_STRONG, _DISPUTED)
    if not least <= ratio <= most or noise * (1 - alike) > disputed:
        return False
    return bool((energy / pixels).max() <= _MOST_BLOCK * (reference / pixels).max())


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


def _deviation(image: FloatArray) -> float:
    """Return the standard deviation of an image (C, H, W) with its extremes clipped, so that few stars do not count."""
    pixels = thinned(image)
    low, high = np.quantile(pixels, [_EXTREME, 1 - _EXTREME])
    return float(np.std(pixels.clip(low, high), dtype=np.float64))


def _starts(side: int) -> npt.NDArray[np.intp]:
    """Return where blocks begin; the last one is larger than the others if ``side`` is no multiple of them."""
    return np.arange(0, max(side - _BLOCK, 0) + 1, _BLOCK)


def _sum(left: FloatArray, right: FloatArray) -> float:
    return float(np.sum(left * right, dtype=np.float64))

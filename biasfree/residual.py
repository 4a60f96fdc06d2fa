"""Block-wise measurements of the residual of a denoiser: where it is a sample of the noise, and its correlations.

The residual r = y - f(y) contains the noise, and in textured areas some of the signal. Sums over blocks of 8 x 8 pixels
separate the two: blocks without data or with clipping do not count for the noise level, and correlations are measured
in the blocks in which the denoised image is flattest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]
Limits = tuple[float, float]

#: Side of a block: 64 samples per channel, enough for a variance, and a small part of any photograph.
SIDE = 8
#: Rows measured at once: the temporary arrays stay smaller than those of the network.
BAND_ROWS = 64 * SIDE
#: Blocks with a larger share of clipped samples are left out: Gaussian noise at 1.9 sigma from the end of the range.
CLIPPED_SHARE = 1 / 32
#: A float image with at least this share of samples at its minimum or maximum was clipped there.
REPEATED_SHARE = 1e-3
#: Flattest part of the valid blocks, in which correlations are measured, and its minimum number of blocks.
FLAT_SHARE, FLAT_BLOCKS = 0.25, 16
#: If less of the image is valid, clipped blocks are measured as well.
LEAST_VALID = 0.02


@dataclass(frozen=True)
class Blocks:
    """Sums over the blocks of one image, each of shape (blocks down, blocks across).

    Attributes:
        samples: Samples in a block, over all channels.
        residual: Sum of r^2.
        fourth: Sum of r^4.
        trace: Sum of v A v.
        right: Sum of r times its right neighbor, in the block.
        below: Sum of r times its lower neighbor, in the block.
        channels: Mean over pairs of channels of the sum of their product.
        brightness: Mean of f(y).
        variance: Variance of f(y) about its mean in each channel.
        ends: Number of samples at the ends of the range.
        constant: 1 where y is constant in the block.
    """

    samples: int
    residual: Sums
    fourth: Sums
    trace: Sums
    right: Sums
    below: Sums
    channels: Sums
    brightness: Sums
    variance: Sums
    ends: Sums
    constant: Sums
    valid: npt.NDArray[np.bool_] = field(init=False)
    blank: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "blank", _spread(self.constant > 0))
        object.__setattr__(self, "valid", self._valid())

    @classmethod
    def of(
        cls, noisy: FloatArray, denoised: FloatArray, perturbed: FloatArray, signs: FloatArray, limits: Limits | None
    ) -> "Blocks":
        """Measure an image.

        Args:
            noisy: y (C, H, W), float32, largest intensity near 1.
            denoised: f(y).
            perturbed: f(y + STEP * signs); the trace is in units of ``1 / STEP``.
            signs: v, from ``probe``.
            limits: Ends of the range, if it has any.
        """
        side = min(SIDE, *noisy.shape[1:])
        rows = max(side, BAND_ROWS // side * side)
        bands = [
            _band([each[:, top : top + rows] for each in (noisy, denoised, perturbed, signs)], limits, side)
            for top in range(0, noisy.shape[1] // side * side, rows)
        ]
        joined = {name: np.concatenate([band[name] for band in bands]) for name in bands[0]}
        return cls(samples=len(noisy) * side**2, **joined)

    def _valid(self) -> npt.NDArray[np.bool_]:
        """Find the blocks that contain data and are not clipped; return all blocks if hardly any remain."""
        for valid in (~self.blank & (self.ends <= CLIPPED_SHARE * self.samples), ~self.blank):
            if valid.mean() >= LEAST_VALID:
                return valid
        return np.ones_like(self.blank)

    def flat(self, share: float = FLAT_SHARE) -> npt.NDArray[np.bool_]:
        """Return the valid blocks in which the denoised image varies least."""
        variance = self.variance[self.valid]
        count = min(len(variance), max(FLAT_BLOCKS, round(share * len(variance))))
        flattest: npt.NDArray[np.bool_] = self.variance <= np.partition(variance, count - 1)[count - 1]
        return self.valid & flattest


def _spread(blocks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Add the eight neighbors of each block, since the edge of a mask runs through them."""
    for axis in (0, 1):
        padded = np.pad(blocks, [(1, 1) if each == axis else (0, 0) for each in (0, 1)])
        near = [np.take(padded, np.arange(blocks.shape[axis]) + step, axis=axis) for step in range(3)]
        blocks = near[0] | near[1] | near[2]
    return blocks


def _band(images: Sequence[FloatArray], limits: Limits | None, side: int) -> dict[str, Sums]:
    """Return the sums of some rows of blocks."""
    y, f, moved, v = (_cut(each, side) for each in images)
    r = y - f
    squares = r * r
    count = len(y) * side**2
    brightness = _sum(f) / count
    means = f.mean(axis=(2, 4), keepdims=True)
    return {
        "residual": _sum(squares),
        "fourth": _sum(squares, squares),
        "trace": _sum(v, moved - f),
        "right": _sum(r[..., :-1], r[..., 1:]) * (side / max(side - 1, 1)),
        "below": _sum(r[:, :, :-1], r[:, :, 1:]) * (side / max(side - 1, 1)),
        "channels": _between_channels(r),
        "brightness": brightness,
        "variance": _sum(f - means, f - means) / count,
        "ends": np.zeros_like(brightness) if limits is None else _count((y <= limits[0]) | (y >= limits[1])),
        "constant": (y == y[:, :, :1, :, :1]).all(axis=(0, 2, 4)).astype(np.float64),
    }


def _cut(image: FloatArray, side: int) -> FloatArray:
    """Cut an image (C, H, W) into blocks (C, rows, side, columns, side), without the remainder at the ends."""
    channels, height, width = image.shape
    rows, columns = height // side, width // side
    return image[:, : rows * side, : columns * side].reshape(channels, rows, side, columns, side)


def _sum(left: FloatArray, right: FloatArray | None = None) -> Sums:
    """Return the sum of each block, or the sum of a product."""
    product = left if right is None else left * right
    sums: Sums = product.sum(axis=(0, 2, 4), dtype=np.float64)
    return sums


def _count(samples: npt.NDArray[np.bool_]) -> Sums:
    counts: Sums = samples.sum(axis=(0, 2, 4), dtype=np.float64)
    return counts


def _between_channels(r: FloatArray) -> Sums:
    """Return the mean product of two channels times the number of channels: equal to ``residual`` if they are equal."""
    channels = len(r)
    if channels == 1:
        return np.zeros(r.shape[1:4:2])
    total: FloatArray = r.sum(axis=0, keepdims=True)
    return (_sum(total, total) - _sum(r, r)) / (channels - 1)


def ends_of(noisy: FloatArray) -> Limits | None:
    """Return the values at which an image without a known range was clipped, or None."""
    low, high = float(noisy.min()), float(noisy.max())
    least = max(2.0, REPEATED_SHARE * noisy.size)
    repeated = [np.count_nonzero(noisy == value) >= least for value in (low, high)]
    return (low if repeated[0] else -np.inf, high if repeated[1] else np.inf) if any(repeated) else None

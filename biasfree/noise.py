"""A description of the noise removed from an image, in numbers and words, without a PSNR that would be a guess.

The noise level and the PSNR of ``estimates`` hold for white noise. The residual tells whether the noise is white (see
``residual``). docs/adr/0006-what-the-estimates-say.md has the measured error rates of the thresholds below.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from biasfree.estimates import STEP, Estimate
from biasfree.intensity import to_255
from biasfree.residual import FLAT_SHARE, SIDE, Blocks, FloatArray, Limits, Sums

Kind = Literal["white", "brightness-dependent", "impulse", "correlated", "little", "unknown"]

#: For white noise, the correlation of the residual r = (I - A) n is -0.4 times the passed share, because the network
#: passes what neighbors have in common. Noise is not white if its correlation exceeds that by NEIGHBORS or CHANNELS, or
#: lies below it by more than LEAST.
PASSED, NEIGHBORS, CHANNELS, LEAST = 0.4, 0.1, 0.3, -0.2
#: The thresholds are widened by this number of standard errors, for small images.
ERRORS = 3.0
#: Deviation of the denoised image in its flattest blocks over the noise removed; beyond it, as much noise may be left.
HIDDEN = 0.8
#: Ratio of the levels in bright and dark areas from which noise counts as brightness-dependent.
DEPENDS = 1.4
#: Kurtosis of the residual in the median flat block beyond which noise counts as impulses. Of white noise it is 3, of
#: ten and of three photons in color 5 and 6, of a tenth of salt and pepper 11 (gray) and 18 (color).
IMPULSES = 8.0
#: Share of clipped samples beyond which too much of the noise is missing: the PSNR was 1.9 dB too high in the mean, and
#: up to 8 dB; below it 1.1 and up to 4 dB.
CLIPPED = 0.1
#: Energy removed from a block, over the mean, below which it says nothing about the noise.
QUIET = 0.01
#: Side of the cells in which the error is estimated, in blocks: 16 pixels, so that one probe tells the trace of a cell;
#: and the least part of the noise that the network removes there.
CELL, LEAST_REMOVED = 2, 0.1
#: Minimum number of valid samples for a statement, and of blocks in each third of brightness.
LEAST_SAMPLES, LEAST_BLOCKS = 256, 8
#: Flattest part of the valid blocks used for the dependence on brightness, and for noise that may be hidden.
HALF, TENTH = 0.5, 0.1
#: Brightness varies if its outer thirds differ by this part of the largest value.
VARIES = 0.05


@dataclass(frozen=True)
class Noise:
    """The noise removed from an image.

    Attributes:
        kind: Kind of noise in one word.
        level: Standard deviation on the 0-255 scale; for noise that is not white, that of the removed part.
        white: True if it is uncorrelated; None if unknown.
        neighbor_correlation: Correlation of the residual with the next sample to the right or below, whichever is
            larger.
        channel_correlation: Correlation of the residual between channels; None for gray.
        brightness_dependence: Level in the brightest third over that in the darkest; None if brightness hardly varies.
        clipped: Share of samples at the ends of the range, outside constant areas.
        description: Short description.
        psnr_db: Estimated PSNR of the result in dB, or None.
        psnr_withheld: Reason why there is no PSNR.
    """

    kind: Kind
    level: float
    white: bool | None = None
    neighbor_correlation: float | None = None
    channel_correlation: float | None = None
    brightness_dependence: float | None = None
    clipped: float | None = None
    description: str = ""
    psnr_db: float | None = None
    psnr_withheld: str | None = None


@dataclass(frozen=True)
class Measured:
    """Measurements of one or more images; ``a + b`` covers both.

    Attributes:
        noise: Sums over valid samples for the network's output.
        error: Root of the summed squared error of the caller's result, estimated, in the caller's units; negative if
            the estimate of the sum is.
        means: ``neighbors, channels, passed, log dependence, detail, clipped, kurtosis``, means over samples; NaN if
            unknown.
        channels: C.
    """

    noise: Estimate
    error: float
    means: npt.NDArray[np.float64]
    channels: int

    @classmethod
    def of(
        cls,
        noisy: FloatArray,
        denoised: FloatArray,
        perturbed: FloatArray,
        signs: FloatArray,
        *,
        limits: Limits | None = None,
        scale: float = 1.0,
        blends: tuple[FloatArray, FloatArray] | None = None,
    ) -> "Measured":
        """Measure one image.

        Args:
            noisy: y (C, H, W), float32, largest intensity near 1.
            denoised: f(y).
            perturbed: f(y + STEP * signs).
            signs: v, from ``probe``.
            limits: Ends of the range of y, if it has any.
            scale: Intensity that corresponds to 1, in the caller's units.
            blends: The caller's results for y and y + STEP * signs, if they differ from the network's.
        """
        blocks = Blocks.of(noisy, denoised, perturbed, signs, limits)
        result = blocks if blends is None else Blocks.of(noisy, *blends, signs, limits)
        neighbors, channels, passed = _correlations(blocks)
        if min(noisy.shape[1:]) < SIDE:  # no whole block
            neighbors = channels = math.nan
        if len(noisy) == 1:
            channels = math.nan
        detail = math.sqrt(float(np.median(blocks.variance[blocks.flat(TENTH)]))) * scale
        means = [neighbors, channels, passed, _log_dependence(blocks), detail, _clipped(blocks), _kurtosis(blocks)]
        return cls(_estimate(blocks, scale), _signed_root(_error(blocks, result)) * scale, np.array(means), len(noisy))

    def __add__(self, other: "Measured") -> "Measured":
        weights = [self.noise.samples, other.noise.samples]
        both = np.stack([self.means, other.means])
        known = np.where(np.isnan(both), 0, np.reshape(weights, (2, 1)))
        with np.errstate(invalid="ignore"):
            means = (known * np.nan_to_num(both)).sum(axis=0) / known.sum(axis=0)
        channels = max(self.channels, other.channels)
        return Measured(self.noise + other.noise, _add(self.error, other.error), means, channels)

    def noise_of(self, *, white: float) -> Noise:
        """Describe the noise, given the intensity ``white`` that corresponds to 255."""
        neighbors, channels, _, log_dependence, _, clipped, _ = map(float, self.means)
        kind = self._kind()
        samples = max(1, self.noise.samples)
        removed = self.noise.residual / math.sqrt(samples)
        level = to_255(removed if self._correlated() else self.noise.sigma, white=white)
        withheld = self._withheld(kind, clipped)
        psnr_db = None if withheld else self._psnr_db(white)
        if psnr_db is None and not withheld:
            withheld = "the estimated error is not positive"
        return Noise(
            kind=kind,
            level=level,
            white={"white": True, "brightness-dependent": True, "impulse": True, "correlated": False}.get(kind),
            neighbor_correlation=_known(neighbors),
            channel_correlation=None if self.channels == 1 else _known(channels),
            brightness_dependence=_known(math.exp(log_dependence)),
            clipped=clipped,
            description=f"{self._words(kind, log_dependence)}, level {digits(level)}",
            psnr_db=psnr_db,
            psnr_withheld=withheld,
        )

    def _kind(self) -> Kind:
        if self.noise.samples < LEAST_SAMPLES or math.isnan(self.means[0]):
            return "unknown"
        # Also if nothing was removed.
        if self.noise.sigma * HIDDEN <= self.means[4]:
            return "little"
        if self.means[6] > IMPULSES:
            return "impulse"
        if self._correlated():
            return "correlated"
        dependence = self.means[3]
        return "brightness-dependent" if abs(dependence) > math.log(DEPENDS) else "white"

    def _correlated(self) -> bool:
        neighbors, channels, passed = self.means[:3]
        error = ERRORS / math.sqrt(max(1, self.noise.samples) * FLAT_SHARE)
        beyond = np.array([neighbors, channels if self.channels > 1 else -PASSED * passed]) + PASSED * passed
        return bool((beyond > np.array([NEIGHBORS, CHANNELS]) + error).any() or beyond[0] < LEAST - error)

    def _withheld(self, kind: Kind, clipped: float) -> str | None:
        reasons = {
            "unknown": "too few samples",
            "little": "little noise found, and as much may be left",
            "correlated": "the noise is correlated",
            "impulse": "the noise is impulses",
        }
        if kind in reasons:
            return reasons[kind]
        return "too many samples are clipped" if clipped > CLIPPED else None

    def _words(self, kind: Kind, log_dependence: float) -> str:
        grows = "grows with brightness" if log_dependence > 0 else "is stronger in dark areas"
        return {
            "unknown": "noise of unknown kind",
            "little": "little noise found",
            "correlated": "correlated noise (JPEG or resampling)",
            "impulse": "impulse noise (salt and pepper)",
            "brightness-dependent": f"noise that {grows}",
            "white": "white noise",
        }[kind]

    def _psnr_db(self, white: float) -> float | None:
        return None if self.error <= 0 else 20 * math.log10(white / self.error * math.sqrt(self.noise.samples))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _estimate(blocks: Blocks, scale: float) -> Estimate:
    valid = blocks.valid
    samples = int(np.count_nonzero(valid)) * blocks.samples
    trace = float(blocks.trace[valid].sum()) / float(STEP)
    return Estimate(samples, math.sqrt(float(blocks.residual[valid].sum())) * scale, trace)


def _error(blocks: Blocks, result: Blocks) -> float:
    """Estimate the summed squared error of a result over the valid samples, with a noise level for each cell.

    In cells, since the noise may be uneven: its level, and what the network passes of it, belong together. One for the
    image made the PSNR of two levels or of noise beside a clean area 4 to 18 dB too low.

    Args:
        blocks: Sums of the network's output.
        result: Sums of the caller's result, which may be a blend.
    """
    samples, residual, trace, left, passed = (
        _cells(np.where(blocks.valid, each, 0))
        for each in (
            np.full_like(blocks.residual, blocks.samples),
            blocks.residual,
            blocks.trace / STEP,
            result.residual,
            result.trace / STEP,
        )
    )
    variance = residual / np.maximum(samples - trace, LEAST_REMOVED * np.maximum(samples, 1))
    return float((left - samples * variance + 2 * variance * passed).sum())


def _cells(sums: Sums) -> Sums:
    """Sum over squares of CELL x CELL blocks; those at the lower and right ends may be smaller."""
    for axis in (0, 1):
        sums = np.add.reduceat(sums, np.arange(0, sums.shape[axis], CELL), axis=axis)
    return sums


def _signed_root(square: float) -> float:
    return math.copysign(math.sqrt(abs(square)), square)


def _add(left: float, right: float) -> float:
    """Add two squares, given and returned as their signed roots, without overflow."""
    largest = max(abs(left), abs(right))
    if largest == 0:
        return 0.0
    return largest * _signed_root(sum(part * abs(part) for part in (left / largest, right / largest)))


def _correlations(blocks: Blocks) -> tuple[float, float, float]:
    """Return the correlations with neighbors and between channels, and the passed share, averaged over flat blocks."""
    flat = _flat_with_noise(blocks)
    energy = np.maximum(blocks.residual[flat], np.finfo(np.float32).tiny)
    right, below, channels = (
        float(np.mean(each[flat] / energy)) for each in (blocks.right, blocks.below, blocks.channels)
    )
    passed = float(blocks.trace[flat].mean()) / float(STEP) / blocks.samples
    return max(right, below, key=abs), channels, min(1.0, max(0.0, passed))


def _kurtosis(blocks: Blocks) -> float:
    """Return the kurtosis of the residual in the median flat block: 3 for Gaussian noise, more for impulses."""
    flat = _flat_with_noise(blocks)
    energy = np.maximum(blocks.residual[flat], np.finfo(np.float32).tiny)
    return float(np.median(blocks.fourth[flat] / energy**2)) * blocks.samples


def _flat_with_noise(blocks: Blocks) -> npt.NDArray[np.bool_]:
    """Return the flattest blocks from which something was removed: the others say nothing about noise elsewhere."""
    flat = blocks.flat()
    noisy: npt.NDArray[np.bool_] = flat & (blocks.residual >= QUIET * blocks.residual[flat].mean())
    return noisy


def _log_dependence(blocks: Blocks) -> float:
    """Return the logarithm of the level in the brightest third of flat blocks over that in the darkest."""
    flat = blocks.flat(HALF)
    brightness, residual, trace = (each[flat] for each in (blocks.brightness, blocks.residual, blocks.trace))
    third = len(brightness) // 3
    order = np.argsort(brightness)
    dark, bright = order[:third], order[len(order) - third :]
    varies = (
        third >= LEAST_BLOCKS
        and brightness[bright].mean() - brightness[dark].mean() > VARIES * np.abs(blocks.brightness).max()
    )
    if not varies:
        return math.nan
    levels = []
    for part in (bright, dark):
        removed = third * blocks.samples - float(trace[part].sum()) / float(STEP)
        # A fiftieth: the accuracy of a trace from one probe.
        levels.append(float(residual[part].sum()) / max(removed, third * blocks.samples / 50))
    return 0.5 * math.log(levels[0] / levels[1]) if min(levels) > 0 else math.nan


def _clipped(blocks: Blocks) -> float:
    shown = ~blocks.blank
    return float(blocks.ends[shown].mean()) / blocks.samples if shown.any() else 0.0


def digits(level: float) -> str:
    """Format a level with three significant digits: 24.8, 0.00412, 1203."""
    return f"{level:.0f}" if level >= 1000 else f"{level:#.3g}".rstrip(".")

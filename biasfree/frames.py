"""The denoising of one frame: the steps before, between and after the passes through a network.

frame (H, W, C) in its dtype -> planes (C, H, W) float32 -> the network -> blend, residual -> frame

The caller makes the passes: each function below that needs passes is a generator, which yields an image (C, H, W) for a
network and receives the network's output. The library runs the passes one after the other; the service awaits them on
its queue. Both compute the same result.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from biasfree.choice import is_correlated, is_drawing, is_white, removes_less
from biasfree.ensemble import further_orientations
from biasfree.estimates import STEP, probe
from biasfree.intensity import power_of_two_scale
from biasfree.noise import Measured
from biasfree.options import DenoiseOptions, EnsembleSize
from biasfree.pixels import (
    FloatArray,
    PixelArray,
    from_float,
    has_equal_channels,
    intensity_range,
    luma,
    thinned,
    to_float,
)
from biasfree.residual import Limits, ends_of

T = TypeVar("T")

#: Range over offset from which an offset is subtracted: float32 would leave fewer than 12 bits of the range.
SMALL_SPAN = 2.0**-12

#: Scales that leave enough float32 range in both directions for everything a network computes.
NEAR_ONE = (2.0**-32, 2.0**32)

#: Part of the samples whose largest intensity is 1 for the estimates, and the most that the other samples may reach:
#: float32 then rounds them by a tenth of ``STEP``.
USUAL, BRIGHTEST = 0.99, 1000.0

#: White of floating-point images without a given bit depth: the convention of every imaging library.
FLOAT_WHITE = 1.0

#: The two networks to choose from for an image.
Which = Literal["any-noise", "white-noise"]


@dataclass(frozen=True)
class Pass:
    """The input and output of a network for a frame, and the scale by which the frame was divided."""

    noisy: FloatArray
    denoised: FloatArray
    scale: float


@dataclass(frozen=True)
class PassRequest:
    """An image (C, H, W) for a network."""

    noisy: FloatArray
    which: Which = "any-noise"


@dataclass(frozen=True)
class FrameResult:
    """A denoised frame (H, W, C) in its dtype, and the measurements of its noise if requested."""

    frame: PixelArray
    measured: Measured | None


@dataclass(frozen=True)
class Done(Generic[T]):
    """The return value of a generator of passes."""

    value: T


Passes = Generator[PassRequest, FloatArray, T]


def advance(passes: Passes[T], denoised: FloatArray | None) -> PassRequest | Done[T]:
    """Send the result of the last pass (None at the start); return the next request, or the final value."""
    try:
        return passes.send(denoised)  # type: ignore[arg-type]  # None starts a generator
    except StopIteration as stop:
        return Done(stop.value)


def run(passes: Passes[T], network: Callable[[PassRequest], FloatArray]) -> T:
    """Run all passes one after the other."""
    step = advance(passes, None)
    while not isinstance(step, Done):
        step = advance(passes, network(step))
    return step.value


def first_pass(frame: PixelArray, options: DenoiseOptions) -> Passes[Pass]:
    """Put a frame (H, W, C) through a network once."""
    frame, _ = without_offset(shown_channels(frame))
    scale, noisy = scaled(frame, always=options.estimate)
    return Pass(noisy, (yield PassRequest(noisy)), scale)


def choose(frame: PixelArray, options: DenoiseOptions) -> Passes[tuple[Which, Pass]]:
    """Choose between the network for any noise and the one for white noise by a frame (see ``biasfree.choice``).

    Args:
        frame: Pixels (H, W, C) in their own dtype and range.
        options: The caller's options.
    """
    done = yield from first_pass(frame, options)
    drawing = is_drawing(done.noisy, done.denoised)
    if not drawing and is_correlated(done.noisy, done.denoised):
        return "any-noise", done
    by_white = yield PassRequest(done.noisy, "white-noise")
    if removes_less(done.noisy, by_white, done.denoised) if drawing else is_white(done.noisy, done.denoised, by_white):
        return "white-noise", Pass(done.noisy, by_white, done.scale)
    return "any-noise", done


def denoise_frame(frame: PixelArray, options: DenoiseOptions, done: Pass | None = None) -> Passes[FrameResult]:
    """Denoise a frame (H, W, C).

    Args:
        frame: Pixels in their own dtype and range.
        options: The caller's options.
        done: Its first pass, if already made.
    """
    if options.changes_nothing(frame.shape[-1]):
        return FrameResult(frame, None)
    if done is None:
        done = yield from first_pass(frame, options)
    shape, whole = frame.shape, shown_channels(frame)
    frame, offset = without_offset(whole)
    denoised = yield from averaged(done.noisy, options.ensemble, done.denoised)
    noise = None
    if options.estimate:
        signs = probe(done.noisy.shape)
        perturbed = yield from averaged(done.noisy + STEP * signs, options.ensemble)
        noise = measured(frame, done.noisy, denoised, perturbed, signs, options, done.scale)
    finished = finish(frame, done.noisy, denoised, options, done.scale)
    if offset and options.output == "image":
        finished = whole if finished is frame else with_offset(finished, offset)
    return FrameResult(finished if finished.shape == shape else np.broadcast_to(finished, shape), noise)


def averaged(noisy: FloatArray, ensemble: EnsembleSize, first: FloatArray | None = None) -> Passes[FloatArray]:
    """Average a network's results over ``ensemble`` orientations of an image (C, H, W); ``first`` is that of the first.

    The passes follow each other, so that an ensemble takes one more image of memory, whatever its size.
    """
    denoised = (yield PassRequest(noisy)) if first is None else first
    if ensemble == 1:
        return denoised
    total = denoised.copy()
    for orientation in further_orientations(ensemble):
        turned = yield PassRequest(np.ascontiguousarray(orientation.of(noisy)))
        total += orientation.undo(turned)
    total /= np.float32(ensemble)
    return total


def shown_channels(frame: PixelArray) -> PixelArray:
    """Return a frame (H, W, C) with one channel if it has three equal ones, so that it stays gray."""
    return frame[..., :1] if has_equal_channels(frame) else frame


def without_offset(frame: PixelArray) -> tuple[PixelArray, float | int]:
    """Subtract a common offset that float32 has no digits for, such as 1e8 under a signal of 1; return it as well.

    The shipped U-Nets commute with it (f(y + c) = f(y) + c); for the others it is the only way to keep the signal.
    """
    if frame.dtype.itemsize < 4:
        return frame, 0
    low, high = frame.min().item(), frame.max().item()
    largest = max(abs(low), abs(high))
    if not 0 <= high - low < largest * SMALL_SPAN:
        return frame, 0
    offset = low if frame.dtype.kind in "iu" else (low + high) / 2
    return frame - frame.dtype.type(offset), offset


def with_offset(frame: PixelArray, offset: float | int) -> PixelArray:
    """Add an offset; integers stay within their range."""
    if frame.dtype.kind in "iu":
        low, high = intensity_range(frame.dtype)
        frame = frame.clip(max(low, low - int(offset)), min(high, high - int(offset)))
    moved: PixelArray = frame + frame.dtype.type(offset)
    return moved


def scaled(frame: PixelArray, *, always: bool) -> tuple[float, FloatArray]:
    """Return the scale that divides a frame (H, W, C), and the network's input (C, H, W), float32."""
    scale = _scale(frame, always=always)
    return scale, to_float(frame, scale=scale)


def _scale(frame: PixelArray, *, always: bool) -> float:
    """Return the divisor of the network's input: a power of two near the largest absolute intensity, or 1.

    Powers of two change only the exponents of the result, so scaling is needed only far from 1, near the limits of
    float32, and ``always`` for the estimates, whose step is relative to 1: there without the largest intensities, since
    a few stars would make the step larger than the noise.
    """
    if frame.dtype.kind in "iu" and frame.dtype.itemsize <= 4 and not always:
        return 1.0
    largest = max(abs(float(frame.min())), abs(float(frame.max())))
    if always:
        pixels = thinned(np.moveaxis(frame, -1, 0))
        usual = max(map(abs, map(float, np.quantile(pixels, [1 - USUAL, USUAL]))))
        largest = max(usual, largest / BRIGHTEST)
    scale = power_of_two_scale(largest)
    return 1.0 if NEAR_ONE[0] <= scale <= NEAR_ONE[1] and not always else scale


def finish(
    frame: PixelArray, noisy: FloatArray, denoised: FloatArray, options: DenoiseOptions, scale: float
) -> PixelArray:
    """Blend arrays (C, H, W), compute the residual if requested, and convert to the frame's dtype and (H, W, C)."""
    untouched = not any(options.strengths(len(noisy)))
    if untouched and options.output == "image":
        return frame  # float32 cannot represent every float64
    image = blend(noisy, denoised, options)
    if options.output == "residual":
        image = noisy - image + np.float32(_middle(frame, options) / scale)
    return from_float(image, frame.dtype, scale=scale, bit_depth=_integer_bits(frame, options))


def blend(noisy: FloatArray, denoised: FloatArray, options: DenoiseOptions) -> FloatArray:
    """Blend arrays (C, H, W): y + c (f - y) + (s - c) luma(f - y), with s for luminance and c for color differences.

    The blend is linear and independent of the range. With s = c = 1 the result is ``denoised`` itself.
    """
    strength, chroma = options.strengths(len(noisy))
    if strength == chroma == 1:
        return denoised
    change = denoised - noisy
    if strength == chroma:
        return noisy + np.float32(strength) * change
    blended: FloatArray = noisy + np.float32(chroma) * change + np.float32(strength - chroma) * luma(change)
    return blended


def measured(
    frame: PixelArray,
    noisy: FloatArray,
    denoised: FloatArray,
    perturbed: FloatArray,
    signs: FloatArray,
    options: DenoiseOptions,
    scale: float,
) -> Measured:
    """Measure the noise removed from a frame, and the error of its blend; arrays as in ``Measured.of``."""
    blends = None
    if options.strengths(len(noisy)) != (1, 1):
        moved = noisy + STEP * signs
        blends = blend(noisy, denoised, options), blend(moved, perturbed, options)
    limits = _ends(frame, noisy, options, scale)
    return Measured.of(noisy, denoised, perturbed, signs, limits=limits, scale=scale, blends=blends)


def _ends(frame: PixelArray, noisy: FloatArray, options: DenoiseOptions, scale: float) -> Limits | None:
    """Return the values at which samples are clipped, in units of ``scale``."""
    if frame.dtype.kind not in "iu":
        return ends_of(noisy)
    low, high = intensity_range(frame.dtype, _integer_bits(frame, options))
    return low / scale, high / scale


def _middle(frame: PixelArray, options: DenoiseOptions) -> float:
    """Return the zero level of a residual: the middle of an unsigned range (128 for 8 bits), otherwise 0."""
    if frame.dtype.kind != "u":
        return 0.0
    return float((intensity_range(frame.dtype, options.bit_depth)[1] + 1) // 2)


def _integer_bits(frame: PixelArray, options: DenoiseOptions) -> int | None:
    """Return the bit depth to clip to; None for signed data, whose dtype says nothing about the sensor's bits."""
    return options.bit_depth if frame.dtype.kind == "u" else None


def white_of(dtype: np.dtype[Any], bit_depth: int | None) -> float:
    """Return the intensity that corresponds to 255."""
    if bit_depth is not None:
        return float(2**bit_depth - 1)
    if dtype.kind in "iu":
        return float(intensity_range(dtype)[1])
    return FLOAT_WHITE

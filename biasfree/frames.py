"""How one frame is denoised: what comes before, between and after the passes through a network.

frame (H, W, C) in its dtype -> planes (C, H, W) float32 -> the network -> blend, residual -> frame

The passes themselves are left to the caller: each function below that needs some is a generator, which yields an image
(C, H, W) for a network and is sent what the network makes of it. The library runs them one after the other; the service
awaits them on its queue. Both compute the same.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from biasfree.choice import is_correlated, is_white
from biasfree.estimates import STEP, probe
from biasfree.intensity import power_of_two_scale
from biasfree.noise import Measured
from biasfree.options import DenoiseOptions
from biasfree.pixels import FloatArray, PixelArray, from_float, intensity_range, luma, to_float
from biasfree.residual import Limits, ends_of

T = TypeVar("T")

#: Scales that leave float32 room on both sides for everything a network computes.
NEAR_ONE = (2.0**-32, 2.0**32)

#: White of floating-point images, where no bit depth is given: the convention of every imaging library.
FLOAT_WHITE = 1.0

#: The two networks that an image may decide between.
Which = Literal["any-noise", "white-noise"]


@dataclass(frozen=True)
class Pass:
    """A frame as the network takes it, the network's output, and the scale that the frame was divided by."""

    noisy: FloatArray
    denoised: FloatArray
    scale: float


@dataclass(frozen=True)
class PassRequest:
    """An image (C, H, W) to be put through a network."""

    noisy: FloatArray
    which: Which = "any-noise"


@dataclass(frozen=True)
class FrameResult:
    """A denoised frame (H, W, C) in its dtype, and the measurements of its noise where asked for."""

    frame: PixelArray
    measured: Measured | None


@dataclass(frozen=True)
class Done(Generic[T]):
    """What a generator of passes returned."""

    value: T


Passes = Generator[PassRequest, FloatArray, T]


def advance(passes: Passes[T], denoised: FloatArray | None) -> PassRequest | Done[T]:
    """Send the result of the last pass, None at the start; return the next one to make, or the end."""
    try:
        return passes.send(denoised)  # type: ignore[arg-type]  # None starts a generator
    except StopIteration as stop:
        return Done(stop.value)


def run(passes: Passes[T], network: Callable[[PassRequest], FloatArray]) -> T:
    """Make all passes one after the other."""
    step = advance(passes, None)
    while not isinstance(step, Done):
        step = advance(passes, network(step))
    return step.value


def first_pass(frame: PixelArray, options: DenoiseOptions) -> Passes[Pass]:
    """Put a frame (H, W, C) through a network."""
    scale, noisy = scaled(frame, always=options.estimate)
    return Pass(noisy, (yield PassRequest(noisy)), scale)


def choose(frame: PixelArray, options: DenoiseOptions) -> Passes[tuple[Which, Pass]]:
    """Decide by a frame between the network for any noise and the one for white noise (``biasfree.choice``)."""
    done = yield from first_pass(frame, options)
    if is_correlated(done.noisy, done.denoised):
        return "any-noise", done
    by_white = yield PassRequest(done.noisy, "white-noise")
    if is_white(done.noisy, done.denoised, by_white):
        return "white-noise", Pass(done.noisy, by_white, done.scale)
    return "any-noise", done


def denoise_frame(frame: PixelArray, options: DenoiseOptions, done: Pass | None = None) -> Passes[FrameResult]:
    """Denoise a frame (H, W, C).

    Args:
        frame: Pixels in their own dtype and range.
        options: The caller's choices.
        done: Its first pass, if it was made already.
    """
    if done is None:
        done = yield from first_pass(frame, options)
    noise = None
    if options.estimate:
        signs = probe(done.noisy.shape)
        perturbed = yield PassRequest(done.noisy + STEP * signs)
        noise = measured(frame, done.noisy, done.denoised, perturbed, signs, options, done.scale)
    return FrameResult(finish(frame, done.noisy, done.denoised, options, done.scale), noise)


def scaled(frame: PixelArray, *, always: bool) -> tuple[float, FloatArray]:
    """Return what a frame (H, W, C) was divided by, and the frame as a network takes it, (C, H, W) float32."""
    scale = _scale(frame, always=always)
    return scale, to_float(frame, scale=scale)


def _scale(frame: PixelArray, *, always: bool) -> float:
    """Return the divisor of the network's input: a power of two near the largest absolute intensity, or 1.

    Powers of two change no bit of the result but the exponent, so that they are needed only far from 1, where float32
    ends, and ``always`` for the estimates, whose step is relative to 1.
    """
    if frame.dtype.kind in "iu" and frame.dtype.itemsize <= 4 and not always:
        return 1.0
    scale = power_of_two_scale(max(abs(float(frame.min())), abs(float(frame.max()))))
    return 1.0 if NEAR_ONE[0] <= scale <= NEAR_ONE[1] and not always else scale


def finish(
    frame: PixelArray, noisy: FloatArray, denoised: FloatArray, options: DenoiseOptions, scale: float
) -> PixelArray:
    """Blend arrays (C, H, W), take the residual if asked for, and go back to the frame's dtype and (H, W, C)."""
    untouched = not any(options.strengths(len(noisy)))
    if untouched and options.output == "image":
        return frame  # float32 does not hold every float64
    image = blend(noisy, denoised, options)
    if options.output == "residual":
        image = noisy - image + np.float32(_middle(frame, options) / scale)
    return from_float(image, frame.dtype, scale=scale, bit_depth=_integer_bits(frame, options))


def blend(noisy: FloatArray, denoised: FloatArray, options: DenoiseOptions) -> FloatArray:
    """Blend arrays (C, H, W): y + c (f - y) + (s - c) luma(f - y), with s for luminance and c for color differences.

    It is linear and needs no range. With s = c = 1 it returns ``denoised`` itself.
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
    """Measure the noise that was taken from a frame, and the error of its blend; arrays as ``Measured.of`` has them."""
    blends = None
    if options.strengths(len(noisy)) != (1, 1):
        moved = noisy + STEP * signs
        blends = blend(noisy, denoised, options), blend(moved, perturbed, options)
    limits = _ends(frame, noisy, options, scale)
    return Measured.of(noisy, denoised, perturbed, signs, limits=limits, scale=scale, blends=blends)


def _ends(frame: PixelArray, noisy: FloatArray, options: DenoiseOptions, scale: float) -> Limits | None:
    """Values at which samples are clipped, in units of ``scale``."""
    if frame.dtype.kind not in "iu":
        return ends_of(noisy)
    low, high = intensity_range(frame.dtype, _integer_bits(frame, options))
    return low / scale, high / scale


def _middle(frame: PixelArray, options: DenoiseOptions) -> float:
    """What stands for zero in a residual: the middle of an unsigned range (128 of 8 bits), 0 for signed and floats."""
    if frame.dtype.kind != "u":
        return 0.0
    return float((intensity_range(frame.dtype, options.bit_depth)[1] + 1) // 2)


def _integer_bits(frame: PixelArray, options: DenoiseOptions) -> int | None:
    """Where to clip; signed data is clipped to its type only, its sign says nothing of the sensor's bits."""
    return options.bit_depth if frame.dtype.kind == "u" else None


def white_of(dtype: np.dtype[Any], bit_depth: int | None) -> float:
    """Return the intensity that stands for 255."""
    if bit_depth is not None:
        return float(2**bit_depth - 1)
    if dtype.kind in "iu":
        return float(intensity_range(dtype)[1])
    return FLOAT_WHITE

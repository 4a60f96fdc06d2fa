"""The options of ``/denoise``, and what they do to a frame before and after the network.

frame (H, W, C) in its dtype -> planes (C, H, W) float32 -> the network -> blend, residual -> frame
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from biasfree.estimates import STEP
from biasfree.intensity import power_of_two_scale
from biasfree.noise import Measured
from biasfree.residual import Limits, ends_of
from service.imaging import (
    FloatArray,
    Picture,
    PixelArray,
    from_float,
    intensity_range,
    luma,
    require_finite,
    to_float,
    to_gray,
    to_rgb,
)

#: Scales that leave float32 room on both sides for everything a network computes.
NEAR_ONE = (2.0**-32, 2.0**32)

#: White of floating-point images, where no bit depth is given: the convention of every imaging library.
FLOAT_WHITE = 1.0


@dataclass(frozen=True)
class DenoiseOptions:
    """The options of ``/denoise``.

    Attributes:
        model: Name of a model; None or ``auto`` for the defaults of the image's channels, between which it decides.
        color: ``gray`` and ``rgb`` convert the image first; ``auto`` leaves it.
        strength: 0 gives the input back, 1 the network's output, between them a blend. Of RGB, the luminance.
        chroma_strength: The same of the color differences; None for that of ``strength``. Gray has none.
        output: The denoised image, or the residual that was taken away (integers: around the middle of their range).
        estimate: Estimate noise level and PSNR, for one extra pass.
        bit_depth: Significant bits of the image: where integers are clipped, and what white is for the estimates.
    """

    model: str | None = None
    color: Literal["auto", "gray", "rgb"] = "auto"
    strength: float = 1.0
    chroma_strength: float | None = None
    output: Literal["image", "residual"] = "image"
    estimate: bool = False
    bit_depth: int | None = None

    def strengths(self, channels: int) -> tuple[float, float]:
        """Strengths of luminance and color differences in an image of so many channels."""
        chroma = self.strength if self.chroma_strength is None or channels == 1 else self.chroma_strength
        return self.strength, chroma


def converted(picture: Picture, options: DenoiseOptions) -> Picture:
    """A picture in the colours asked for; raises ``InvalidPixels``, or ``InvalidParameter`` for its ``bit_depth``."""
    require_finite(picture)
    if options.color == "gray":
        picture = to_gray(picture)
    elif options.color == "rgb":
        picture = to_rgb(picture)
    if options.bit_depth is not None and picture.dtype.kind in "iu":
        intensity_range(picture.dtype, options.bit_depth)
    return picture


def scaled(frame: PixelArray, *, always: bool) -> tuple[float, FloatArray]:
    """A frame (H, W, C) as a network takes it, (C, H, W) float32, and what it was divided by."""
    scale = _scale(frame, always=always)
    return scale, to_float(frame, scale=scale)


def _scale(frame: PixelArray, *, always: bool) -> float:
    """What the network's input is divided by: a power of two near the largest absolute intensity, or 1.

    Powers of two change no bit of the result but the exponent, so that they are needed only far from 1, where float32
    ends, and ``always`` for the estimates, whose step is relative to 1.
    """
    if frame.dtype.kind in "iu" and not always:
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


def white_of(picture: Picture, bit_depth: int | None) -> float:
    """The intensity that stands for 255."""
    if bit_depth is not None:
        return float(2**bit_depth - 1)
    if picture.dtype.kind in "iu":
        return float(intensity_range(picture.dtype)[1])
    return FLOAT_WHITE

"""Units of intensity.

The network is homogeneous, so intensities need no scaling for it. Two things do have units: floating point, whose range
ends, and the noise level, which the field states on the 0-255 scale.
"""

import math

#: The largest power of two in float64 is 2^1023.
LARGEST_EXPONENT = 1023


def power_of_two_scale(largest: float) -> float:
    """The power of two that brings ``largest`` into [0.5, 1).

    Dividing by it is exact in floating point: the result for an image and for twice that image are the same bits,
    and no sum inside the network can overflow.

    Args:
        largest: Largest absolute intensity of an image, finite, >= 0.

    Returns:
        A positive power of two; 1 for a black image. At the very end of float64 the quotient reaches 2.
    """
    if largest == 0:
        return 1.0
    _, exponent = math.frexp(largest)
    return math.ldexp(1.0, min(exponent, LARGEST_EXPONENT))


def to_255(value: float, *, white: float) -> float:
    """An intensity or standard deviation on the 0-255 scale, given the intensity ``white`` that stands for 255."""
    return value / white * 255

"""Units of intensity.

The network is homogeneous, so intensities need no scaling. Units matter in two cases only: near the limits of floating
point, and for the noise level, which the field states on the 0-255 scale.
"""

import math

#: The largest power of two in float64 is 2^1023.
LARGEST_EXPONENT = 1023


def power_of_two_scale(largest: float) -> float:
    """Return the power of two that scales ``largest`` into [0.5, 1).

    Dividing by it is exact in floating point: an image and twice that image give bit-identical network inputs, and no
    sum inside the network can overflow.

    Args:
        largest: Largest absolute intensity of an image, finite, >= 0.

    Returns:
        A positive power of two; 1 for a black image. At the upper limit of float64 the quotient can reach 2.
    """
    if largest == 0:
        return 1.0
    _, exponent = math.frexp(largest)
    return math.ldexp(1.0, min(exponent, LARGEST_EXPONENT))


def to_255(value: float, *, white: float) -> float:
    """Convert an intensity or standard deviation to the 0-255 scale, where the intensity ``white`` is 255."""
    return value / white * 255

"""Arrays as the service takes them, and the cast to use for all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from biasfree_client._errors import UnsupportedImage

DTYPES = (
    *("uint8", "uint16", "uint32", "uint64"),
    *("int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64"),
)


def array_of(image: Any) -> npt.NDArray[Any]:
    """Convert an object with ``__array__`` (a tensor, a data array) to an array; a tensor also from a device.

    Raises:
        UnsupportedImage: It cannot be converted.
    """
    try:
        # A tensor that records gradients or lies on a device refuses to be an array.
        for method in ("detach", "cpu"):
            if callable(getattr(image, method, None)):
                image = getattr(image, method)()
        return np.asarray(image)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise UnsupportedImage(
            f"Cannot convert {type(image).__name__} of {getattr(image, 'dtype', 'an unknown dtype')} to an array: "
            f"{exc}; cast it first, a tensor for example with image.float()"
        ) from exc


def check_axes(image: Any, axes: str | None) -> None:
    """Check that a tensor of channels first is not taken for a stack of gray images.

    Raises:
        UnsupportedImage: It may be either.
    """
    shape: tuple[int, ...] = tuple(getattr(image, "shape", ()))
    if axes is None and hasattr(image, "detach") and len(shape) == 3 and shape[0] in (3, 4) and shape[2] > 4:
        raise UnsupportedImage(f"A tensor of shape {shape} may be channels or a stack; pass axes='CYX' or axes='ZYX'")


def check_numbers(array: npt.NDArray[Any], name: str = "image") -> None:
    """Check that the service takes an array's numbers.

    Args:
        array: The array.
        name: An expression for the array, for the cast to use.

    Raises:
        UnsupportedImage: It does not; the message has the cast to use.
    """
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise UnsupportedImage(f"The array has masked pixels; fill them, for example with {name}.filled(0)")
    if array.dtype.name not in DTYPES:
        raise UnsupportedImage(f"Arrays of {array.dtype} are not supported; {_cast(array, name)}")


def _cast(array: npt.NDArray[Any], name: str) -> str:
    match array.dtype.kind:
        case "b":
            return f"use {name}.astype(np.uint8) * 255"
        case "f":
            return f"use {name}.astype(np.float64)"
        case "c":
            return f"denoise {name}.real and {name}.imag, or np.abs({name})"
    return f"convert it to numbers: {', '.join(DTYPES)}"

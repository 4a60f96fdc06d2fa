"""The replacement of hidden pixels, which must not influence the visible ones."""

import numpy as np
import numpy.typing as npt

from biasfree.pixels import PixelArray

Mask = npt.NDArray[np.bool_]


def without_hidden(frame: PixelArray, visible: Mask) -> PixelArray:
    """Replace the hidden pixels of a frame by a smooth continuation of the visible ones.

    Source: the push-pull method, Gortler et al., "The lumigraph", SIGGRAPH 1996: means of the known pixels over 2 x 2
    cells, level by level, which then fill the gaps from coarse to fine.

    Args:
        frame: (H, W, C).
        visible: (H, W), True where a pixel counts.

    Returns:
        A frame of the same shape and dtype that depends on visible pixels only; ``frame`` itself if all are visible.
    """
    if visible.all():
        return frame
    filled = _filled(np.where(visible[..., np.newaxis], frame, 0).astype(np.float64), visible)
    if frame.dtype.kind in "iu":
        filled = np.rint(filled)
    return np.where(visible[..., np.newaxis], frame, filled.astype(frame.dtype))


def _filled(values: npt.NDArray[np.float64], known: Mask) -> npt.NDArray[np.float64]:
    """Fill the unknown values (H, W, C), which are 0."""
    if known.all() or not known.any():
        return values
    height, width = known.shape
    pad = ((0, height % 2), (0, width % 2))
    sums = _cells(np.pad(values, (*pad, (0, 0))))
    counts = _cells(np.pad(known, pad).astype(np.float64)[..., np.newaxis])
    coarse = _filled(sums / np.maximum(counts, 1), counts[..., 0] > 0)
    above = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(known[..., np.newaxis], values, above)


def _cells(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum (H, W, C) over cells of 2 x 2."""
    height, width, channels = values.shape
    cells: npt.NDArray[np.float64] = values.reshape(height // 2, 2, width // 2, 2, channels).sum(axis=(1, 3))
    return cells

"""EXIF orientation, applied to the pixels so that no other code has to consider it."""

from biasfree.pixels import PixelArray

UPRIGHT = 1


def upright(image: PixelArray, orientation: int) -> PixelArray:
    """Turn an image upright according to its orientation tag.

    Args:
        image: Stored pixels (H, W) or (H, W, S).
        orientation: EXIF 2.32, tag 0x0112, 1 to 8; other values mean upright. 5 to 8 exchange H and W.

    Returns:
        A view of ``image``.
    """
    if orientation in {5, 6, 7, 8}:
        image = image.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return image


def turned(pair: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Turn a horizontal and a vertical quantity (a resolution) as ``upright`` does the image."""
    return pair[::-1] if pair is not None and orientation in {5, 6, 7, 8} else pair

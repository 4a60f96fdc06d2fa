"""How large an image may be."""

from collections.abc import Callable
from dataclasses import dataclass

from service.errors import ImageTooLarge


@dataclass(frozen=True)
class ImageLimits:
    """The largest image that is decoded.

    Args:
        max_pixels: Pixels (H * W) over all frames.
        max_frames: Pages of a stack.
        claim: Told the pixels that were announced and found few enough; may refuse them as well.
    """

    max_pixels: int
    max_frames: int
    claim: Callable[[int], None] = lambda pixels: None

    def check(self, *, pixels: int, frames: int = 1) -> None:
        """Refuse what a header announces, before any of it is decoded.

        Raises:
            ImageTooLarge: More pixels or frames than allowed; ``facts`` has ``limit`` and ``actual``.
        """
        if frames > self.max_frames:
            raise ImageTooLarge(
                f"at most {self.max_frames} frames are accepted, got {frames}", limit=self.max_frames, actual=frames
            )
        if pixels > self.max_pixels:
            raise ImageTooLarge(
                f"at most {self.max_pixels} pixels over all frames are accepted, got {pixels}",
                limit=self.max_pixels,
                actual=pixels,
            )
        self.claim(pixels)

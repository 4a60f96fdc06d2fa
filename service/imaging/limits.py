"""The limits on the size of an image."""

from collections.abc import Callable
from dataclasses import dataclass

from service.errors import ImageTooLarge

#: Channels over all frames of an image that is denoised channel by channel: each is a pass of its own, however small.
#: Spectrometers have up to 2000.
MAX_CHANNELS = 4096


@dataclass(frozen=True)
class ImageLimits:
    """The limits on an image to decode.

    Args:
        max_pixels: Maximum number of pixels (H * W) over all frames.
        max_frames: Maximum number of frames of a stack.
        claim: Function called with the announced number of pixels if it is within the limits; may refuse it too.
    """

    max_pixels: int
    max_frames: int
    claim: Callable[[int], None] = lambda pixels: None

    def check(self, *, pixels: int, frames: int = 1, counted: bool = True) -> None:
        """Refuse an image that is too large according to its header, before decoding it.

        Args:
            pixels: Number of pixels (H * W) over all frames.
            frames: Number of frames.
            counted: False if there may be more frames.

        Raises:
            ImageTooLarge: More pixels or frames than allowed; ``facts`` has ``limit`` and ``actual``.
        """
        if frames > self.max_frames:
            raise ImageTooLarge(
                f"the image has {frames} {'' if counted else 'or more '}frames; at most {self.max_frames} are accepted",
                limit=self.max_frames,
                actual=frames,
            )
        if pixels > self.max_pixels:
            raise ImageTooLarge(
                f"the image has {pixels} pixels; at most {self.max_pixels} over all frames are accepted",
                limit=self.max_pixels,
                actual=pixels,
            )
        self.claim(pixels)

    def check_channels(self, channels: int) -> None:
        """Refuse an image of too many channels, counted over all frames.

        Raises:
            ImageTooLarge: ``facts`` has ``limit`` and ``actual``.
        """
        if channels > MAX_CHANNELS:
            raise ImageTooLarge(
                f"the image has {channels} channels; at most {MAX_CHANNELS} over all frames are accepted",
                limit=MAX_CHANNELS,
                actual=channels,
            )

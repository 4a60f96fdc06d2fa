"""Where the exceptions of third-party decoders become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import ServiceError, UndecodableImage
from service.imaging.formats import ImageFormat


@contextmanager
def translated(format: ImageFormat) -> Iterator[None]:
    """Turn whatever a decoder throws at damaged bytes into ``UndecodableImage``.

    On hostile bytes Pillow, tifffile, imagecodecs and numpy raise OSError, SyntaxError, struct.error, KeyError,
    ZeroDivisionError, their own types and, between versions, others; none of them promises a list. This is therefore
    the one place in ``imaging`` that catches ``Exception``. Running out of memory is not the sender's fault: it passes.

    Raises:
        UndecodableImage: The decoder failed; its exception is the cause.
    """
    try:
        yield
    except (ServiceError, MemoryError):
        raise
    except Exception as exc:
        raise UndecodableImage(f"expected a whole {format} file, got a damaged one") from exc

"""The translation of exceptions from third-party decoders, and the end of their warnings."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from service.errors import ServiceError, UndecodableImage
from service.imaging.formats import ImageFormat


@contextmanager
def translated(format: ImageFormat) -> Iterator[None]:
    """Turn any exception that a decoder raises on damaged bytes into ``UndecodableImage``.

    On hostile bytes Pillow, tifffile, imagecodecs and numpy raise OSError, SyntaxError, struct.error, KeyError,
    ZeroDivisionError, their own types and, depending on the version, others; none of them documents a list. So this is
    the one place in ``imaging`` that catches ``Exception``. MemoryError is not the sender's fault and is passed on.

    Raises:
        UndecodableImage: The decoder failed; its exception is the cause.
    """
    try:
        yield
    except (ServiceError, MemoryError):
        raise
    except Exception as exc:
        raise UndecodableImage(f"the {format} file is damaged or incomplete") from exc


@cache
def silence(library: str) -> None:
    """Turn off a library's warnings about damaged files, which are the sender's.

    Each has a text of its own, and Python remembers every text that it has shown.
    """
    warnings.filterwarnings("ignore", module=library)
    logging.getLogger(library).setLevel(logging.CRITICAL)

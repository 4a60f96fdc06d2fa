"""The boxes of ISO media files (ISO/IEC 14496-12), which HEIC, AVIF, JPEG XL, JPEG 2000 and CR3 share."""

import struct
from collections.abc import Iterator
from itertools import islice

#: Boxes looked at in one file; a file of empty boxes would keep Python busy.
MAX_BOXES = 1000
#: Only the first bytes of a file name brands and colors; a file's boxes for its pixels follow.
HEAD_BYTES = 1 << 16

#: Color primaries and transfer characteristics (ITU-T H.273) that every reader assumes: BT.709 and sRGB.
ORDINARY_PRIMARIES, ORDINARY_TRANSFERS, UNSPECIFIED = {1, 2}, {1, 2, 6, 13}, 2


def boxes(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the type and the payload of each box, without copying; the last may be cut short."""
    return islice(_boxes(memoryview(data)), MAX_BOXES)


def _boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    start = 0
    while start + 8 <= len(view):
        size, kind = struct.unpack(">I4s", view[start : start + 8])
        header = 8
        if size == 1 and start + 16 <= len(view):
            (size,), header = struct.unpack(">Q", view[start + 8 : start + 16]), 16
        size = len(view) - start if size == 0 else size
        if size < header:
            return
        yield kind, view[start + header : start + size]
        start += size


def brands(data: bytes) -> frozenset[bytes]:
    """Return the brands that a file names, the major one and the compatible ones; empty if it is no such file."""
    if data[4:8] != b"ftyp":
        return frozenset()
    size = min(max(int.from_bytes(data[:4], "big"), 12), 1024)
    listed = data[16:size]
    return frozenset({data[8:12], *(listed[at : at + 4] for at in range(0, len(listed) - 3, 4))})


def color_codes(data: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer characteristics of the first ``nclx`` color box, if they are not sRGB's."""
    at = data.find(b"colrnclx", 0, HEAD_BYTES)
    if at < 0 or len(data) < at + 12:
        return None
    primaries, transfer = struct.unpack(">HH", data[at + 8 : at + 12])
    return extraordinary(primaries, transfer)


def extraordinary(primaries: int, transfer: int) -> tuple[int, int] | None:
    """Return color codes (ITU-T H.273) that a file without a profile must state; None for those of sRGB."""
    if primaries in ORDINARY_PRIMARIES and transfer in ORDINARY_TRANSFERS:
        return None
    return (
        (primaries, transfer) if max(primaries, transfer) < 256 and UNSPECIFIED not in (primaries, transfer) else None
    )


def cicp(codes: tuple[int, int] | None, *, samples: int) -> tuple[int, tuple[tuple[bytes, bytes], ...]] | None:
    """Return color codes as PNG's chunk cICP (RGB, full range), in the form of ``Metadata.png_color``."""
    return None if codes is None else (samples, ((b"cICP", bytes([*codes, 0, 1])),))

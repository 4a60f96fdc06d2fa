"""The sizes in an AVIF's AV1 data, which decide the memory of its decoding; those of its container may be smaller."""

from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import UndecodableImage
from service.imaging.iso_media import boxes

#: Types of OBU (AV1 specification, section 6.2.2).
SEQUENCE_HEADER, HAS_SIZE, HAS_EXTENSION = 1, 0x02, 0x04
#: The first OBUs of an item: a temporal delimiter and the sequence header.
FIRST_OBUS, HEAD_BYTES = 8, 512
#: Items of one file: the tiles of a grid, alpha, a thumbnail.
MAX_ITEMS = 4096


class Bits:
    """A reader of unsigned fields, most significant bit first.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, count: int) -> int:
        """Read a number of ``count`` bits.

        Raises:
            UndecodableImage: The data end before it.
        """
        if count > self._left:
            raise UndecodableImage("the AVIF image has an incomplete header: it is damaged")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)


@dataclass(frozen=True)
class ItemSizes:
    """Sizes in bytes of the numbers in an item location box (ISO/IEC 14496-12, section 8.11.3)."""

    version: int
    offset: int
    length: int
    base: int
    index: int


def largest_pixels(data: bytes) -> int:
    """Return the most pixels that a sequence header in an AVIF announces; 0 if there is none."""
    heads = (data[start : start + HEAD_BYTES] for start in _item_starts(data))
    return max((width * height for head in heads for width, height in _sizes(head)), default=0)


def _item_starts(data: bytes) -> Iterator[int]:
    for kind, payload in boxes(data):
        if kind != b"meta":
            continue
        for inner, content in boxes(payload[4:]):
            if inner == b"iloc":
                yield from _extents(bytes(content))


def _extents(iloc: bytes) -> Iterator[int]:
    """Yield the first byte of each extent of each item."""
    bits = Bits(iloc)
    version = bits.read(8)
    bits.read(24)
    sizes = ItemSizes(version, *(bits.read(4) for _ in range(4)))
    wide = version == 2
    for _ in range(min(bits.read(32 if wide else 16), MAX_ITEMS)):
        bits.read(32 if wide else 16)
        bits.read(16 if version else 0)
        bits.read(16)
        base = bits.read(8 * sizes.base)
        for _ in range(bits.read(16)):
            bits.read(8 * sizes.index if version else 0)
            yield base + bits.read(8 * sizes.offset)
            bits.read(8 * sizes.length)


def _sizes(head: bytes) -> Iterator[tuple[int, int]]:
    """Yield width and height of the sequence headers among the first OBUs; data of other kinds have none."""
    at = 0
    for _ in range(FIRST_OBUS):
        if at >= len(head) or head[at] & 0x80 or not head[at] & HAS_SIZE:
            return
        kind, start = head[at] >> 3, at + 1 + bool(head[at] & HAS_EXTENSION)
        size, start = _leb128(head, start)
        if kind == SEQUENCE_HEADER:
            yield _frame_size(Bits(head[start : start + size]))
        at = start + size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of 7 bits per byte; return it and the place after it."""
    value = 0
    for shift, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return value, at + shift + 1
    return value, len(data)


def _frame_size(bits: Bits) -> tuple[int, int]:
    """Read the largest frame of a sequence header (AV1 specification, section 5.5.1)."""
    bits.read(4)  # Profile, still picture.
    if bits.read(1):
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = 1 + bits.read(4), 1 + bits.read(4)
    return 1 + bits.read(width_bits), 1 + bits.read(height_bits)


def _skip_operating_points(bits: Bits) -> None:
    delay_bits = _skip_timing(bits) if bits.read(1) else 0
    delay_present = bits.read(1)
    for _ in range(1 + bits.read(5)):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if delay_present and bits.read(1):
            bits.read(4)


def _skip_timing(bits: Bits) -> int:
    """Skip the timing; return the bits of a buffer delay, 0 without a decoder model."""
    bits.read(64)
    if bits.read(1):
        zeros = 0
        while not bits.read(1):
            zeros += 1
        bits.read(zeros)
    if not bits.read(1):
        return 0
    delay_bits = 1 + bits.read(5)
    bits.read(42)
    return delay_bits

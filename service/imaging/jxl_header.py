"""The header of a JPEG XL codestream, read here because no library gives it before it decodes the pixels."""

from dataclasses import dataclass

from service.errors import UndecodableImage

CODESTREAM = b"\xff\x0a"
#: Enough for the size and the metadata that are read, which have at most 40 bytes.
HEADER_BYTES = 64

#: ISO/IEC 18181-1, table of aspect ratios: width = height * numerator // denominator.
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


#: The same standard, enumerations of color: two color spaces, and the white points D65 and that of cinemas.
RGB, GRAY, D65, CINEMA = 0, 1, 1, 11
#: Primaries of ITU-T H.273, by white point and primaries of JPEG XL: sRGB, BT.2020, P3 of displays and of cinemas.
PRIMARIES = {(D65, 1): 1, (D65, 9): 9, (D65, 11): 12, (CINEMA, 11): 11}
#: Transfer functions that have the same numbers there: BT.709, linear, sRGB, PQ, cinema, HLG.
TRANSFERS = frozenset({1, 8, 13, 16, 17, 18})
SRGB = (1, 13)


@dataclass(frozen=True)
class Header:
    """The size, samples and colors that a codestream announces.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        bits: Bits per sample.
        floating: The samples are floats.
        animated: There may be several frames.
        extra_channels: Number of channels besides the colors.
        colors: Primaries and transfer function (ITU-T H.273); None if other fields define the colors.
    """

    width: int
    height: int
    bits: int = 8
    floating: bool = False
    animated: bool = False
    extra_channels: int = 0
    colors: tuple[int, int] | None = SRGB


class Bits:
    """A reader of the fields of a codestream, least significant bit first.

    Args:
        data: The first bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def read(self, count: int) -> int:
        """Read an unsigned number of ``count`` bits.

        Raises:
            UndecodableImage: The data end before it.
        """
        if count > self._left:
            raise UndecodableImage("the JPEG XL image has no complete header: it is damaged")
        value = self._value & ((1 << count) - 1)
        self._value, self._left = self._value >> count, self._left - count
        return value

    def choice(self, *distributions: tuple[int, int]) -> int:
        """Read a number in one of four distributions, each an offset and a number of bits."""
        offset, count = distributions[self.read(2)]
        return offset + self.read(count)


def read_header(head: bytes) -> Header:
    """Read the fields before the pixels (ISO/IEC 18181-1, SizeHeader and ImageMetadata).

    Raises:
        UndecodableImage: The header is incomplete.
    """
    bits = Bits(head[len(CODESTREAM) :])
    width, height = _size(bits)
    if bits.read(1):  # All further fields have their defaults.
        return Header(width, height)
    animated = _extra_fields(bits) if bits.read(1) else False
    floating = bool(bits.read(1))
    depth = (
        bits.choice((32, 0), (16, 0), (24, 0), (1, 6)) if floating else bits.choice((8, 0), (10, 0), (12, 0), (1, 6))
    )
    bits.read(4 if floating else 0)
    bits.read(1)  # Buffers of 16 bits suffice.
    extra = bits.choice((0, 0), (1, 0), (2, 4), (1, 12))
    return Header(width, height, depth, floating, animated, extra, _colors(bits, extra))


def _colors(bits: Bits, extra_channels: int) -> tuple[int, int] | None:
    """Return the colors as in ``Header``; sRGB if they follow fields that are not read here."""
    if not all(bits.read(1) for _ in range(extra_channels)):
        return SRGB
    bits.read(1)  # The samples are XYB.
    if bits.read(1):  # All fields have their defaults.
        return SRGB
    if bits.read(1):  # An ICC profile.
        return None
    space, white = _enumerated(bits), _enumerated(bits)
    if space not in {RGB, GRAY}:
        return None
    # Gray has no primaries; those of sRGB have its white.
    primaries = PRIMARIES.get((white, 1 if space == GRAY else _enumerated(bits)))
    transfer = None if bits.read(1) else _enumerated(bits)  # The other case is an exponent.
    return (primaries, transfer) if primaries and transfer in TRANSFERS else None


def _enumerated(bits: Bits) -> int:
    return bits.choice((0, 0), (1, 0), (2, 4), (18, 6))


def _size(bits: Bits) -> tuple[int, int]:
    small = bits.read(1)

    def side() -> int:
        return 8 * (1 + bits.read(5)) if small else bits.choice((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = RATIOS.get(bits.read(3))
    return (height * ratio[0] // ratio[1] if ratio else side()), height


def _extra_fields(bits: Bits) -> bool:
    """Skip orientation, intrinsic size and preview; tell whether it is an animation."""
    bits.read(3)
    if bits.read(1):
        _size(bits)
    if bits.read(1):
        _skip_preview(bits)
    animated = bool(bits.read(1))
    if animated:
        _skip_animation(bits)
    return animated


def _skip_animation(bits: Bits) -> None:
    """Skip the ticks per second, the number of loops and the presence of time codes."""
    bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
    bits.read(1)


def _skip_preview(bits: Bits) -> None:
    eighths = bits.read(1)

    def side() -> None:
        bits.choice(*(((16, 0), (32, 0), (1, 5), (33, 9)) if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))))

    side()
    if bits.read(3) == 0:
        side()

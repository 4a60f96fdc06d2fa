"""The tags of a TIFF that are kept in a TIFF: its description, its place on a map, and what ImageJ stores."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from tifffile import TiffPage, imagej_metadata_tag

from service.errors import UndecodableImage
from service.imaging.formats import ImageFormat
from service.imaging.library_errors import translated
from service.imaging.metadata import NO_DATA
from service.imaging.tiff_description import Change, described, fits_shape, is_ome, ranged, without_bands
from service.imaging.tiff_page import keeps_values

#: A tag as tifffile writes it: code, type, count, value, and True for one page. ImageJ's value is a mapping.
Tag = tuple[int, int, int, Any, bool]
#: Byte order of the files that are written; ImageJ's tags depend on it.
BYTE_ORDER: Literal["<"] = "<"

ASCII, SHORT, DOUBLE = 2, 3, 12
ITEM_BYTES = {ASCII: 1, SHORT: 2, DOUBLE: 8}
DESCRIPTION, GDAL_METADATA, IMAGEJ = 270, 42112, 50839
#: Types by codes: the tags that place pixels on a map (OGC GeoTIFF 1.1, section 7.1), and GDAL's.
MAP_TAGS = {
    33550: DOUBLE,  # ModelPixelScale
    33922: DOUBLE,  # ModelTiepoint
    34264: DOUBLE,  # ModelTransformation
    34735: SHORT,  # GeoKeyDirectory
    34736: DOUBLE,  # GeoDoubleParams
    34737: ASCII,  # GeoAsciiParams
    GDAL_METADATA: ASCII,
    NO_DATA: ASCII,
}
#: Longer ones are not kept: numbers take several times their bytes in Python.
MAX_MAP_TAG_BYTES = 1_000_000
#: Statistics of the pixels, which are new. The pattern takes linear time on any text.
STATISTICS = re.compile(r'<Item name="STATISTICS_[^<>]*>[^<]*</Item>\s*')


def kept_tags(pages: Sequence[TiffPage], file_bytes: int, *, turned: Sequence[bool]) -> tuple[tuple[Tag, ...], ...]:
    """Return the tags to keep of each page; a damaged page has none.

    Args:
        pages: The pages.
        file_bytes: Size of the file. Its pages can share the bytes of a tag, and must not multiply them.
        turned: Whether an orientation turns the pixels of each, so that their coordinates no longer hold.
    """
    kept, left = [], 2 * file_bytes
    for page, is_turned in zip(pages, turned, strict=True):
        tags = _tags_or_none(page, turned=is_turned)
        left -= sum(count * ITEM_BYTES.get(kind, 4) for _, kind, count, _, _ in tags)
        if left < 0:
            return ()
        kept.append(tags)
    return tuple(kept)


def current_tags(tags: Sequence[Tag], change: Change | None, raster: Sequence[int], samples: int) -> Iterator[Tag]:
    """Yield the tags of a page for new pixels: changed where they state what has changed, or left out.

    Args:
        tags: The kept tags.
        change: The change of its samples; None if the picture was no TIFF.
        raster: Shape in which the page is written.
        samples: Number of samples of all pages.
    """
    for tag in tags:
        code, value = tag[0], tag[3]
        if code == DESCRIPTION:
            text = value.decode()
            if (shape := _shape(text)) is not None:
                text = text if fits_shape(shape, raster, samples) else ""
            elif change is not None:
                text = described(text, change)
            if text:
                yield _ascii(DESCRIPTION, text)
        elif code == IMAGEJ:
            yield from imagej_metadata_tag(value if change is None else ranged(value, change), BYTE_ORDER)
        elif code == GDAL_METADATA and change is not None:
            yield _ascii(GDAL_METADATA, without_bands(value.decode(), change))
        else:
            yield tag


def _shape(description: str) -> list[int] | None:
    """Return the shape that tifffile describes, empty if it is damaged; None for any other text."""
    if not description.startswith('{"shape":'):
        return None
    try:
        return [int(length) for length in json.loads(description)["shape"]]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return []


def _tags_or_none(page: TiffPage, *, turned: bool) -> tuple[Tag, ...]:
    try:
        with translated(ImageFormat.TIFF):
            if turned:
                return tuple(tag for tag in _text(page) if not is_ome(page.description))
            return (*_text(page), *_on_a_map(page), *_of_imagej(page))
    except UndecodableImage:
        return ()


def _text(page: TiffPage) -> Iterator[Tag]:
    if page.description:
        yield _ascii(DESCRIPTION, page.description)


def _on_a_map(page: TiffPage) -> Iterator[Tag]:
    """Yield the well-formed tags of GeoTIFF and GDAL."""
    for code, kind in MAP_TAGS.items():
        tag = page.tags.get(code)
        if tag is None or tag.dtype != kind or tag.count * ITEM_BYTES[kind] > MAX_MAP_TAG_BYTES:
            continue
        if code == NO_DATA and not keeps_values(page):
            continue
        value = tag.value
        if isinstance(value, str):
            yield _ascii(code, STATISTICS.sub("", value) if code == GDAL_METADATA else value)
        elif kind != ASCII:
            numbers = value if isinstance(value, tuple) else (value,)
            yield code, kind, len(numbers), numbers, True


def _of_imagej(page: TiffPage) -> Iterator[Tag]:
    """Yield ImageJ's info, labels, ranges and regions as a mapping, if tifffile can read them and write them again."""
    found = page.tags.valueof(IMAGEJ)
    if isinstance(found, Mapping) and (written := imagej_metadata_tag(dict(found), BYTE_ORDER)):
        code, kind, size, _, once = written[0]
        yield code, kind, size, dict(found), once


def _ascii(code: int, text: str) -> Tag:
    value = text.encode()
    return code, ASCII, len(value), value, True

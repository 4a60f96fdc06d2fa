"""Descriptions of a TIFF that state the type, the channels or the range of its pixels, after these have changed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from service.imaging.metadata import TiffForm

#: Names of dtypes in OME-XML; other dtypes have none.
OME_TYPES = {
    **{name: name for name in ("uint8", "uint16", "uint32", "int8", "int16", "int32")},
    "float32": "float",
    "float64": "double",
}
#: Start tags in OME-XML. The patterns take linear time on any text.
PIXELS, CHANNEL, PLANES = (re.compile(rf"<(?:\w+:)?{name}\s[^<>]*>") for name in ("Pixels", "Channel", "TiffData"))
#: Digits of a plausible number of channels; Python refuses to read numbers of thousands of digits.
MAX_DIGITS = 9
#: An item of GDAL's metadata about one band, such as its offset and scale.
GDAL_ITEM = re.compile(r"<Item\s[^<>]*>[^<]*</Item>\s*")
#: The lines of ImageJ's description that hold intensities, and those about what an intensity means.
IMAGEJ_RANGE = ("min", "max")
IMAGEJ_CALIBRATION = ("cf", "c0", "c1", "c2", "c3", "c4", "c5", "vunit")


@dataclass(frozen=True)
class Change:
    """The change of a page's samples since it was read.

    Args:
        before: Their form in the file.
        after: Their form now.
        scale: Factor of their values; None if unknown, or if they were not multiplied.
    """

    before: TiffForm
    after: TiffForm
    scale: float | None = None

    @property
    def values(self) -> bool:
        """Tell whether values have another range or meaning."""
        return self.before.dtype != self.after.dtype or self.scale is not None

    @property
    def samples(self) -> bool:
        """Tell whether a pixel has another number of samples."""
        return self.before.samples != self.after.samples


def described(text: str, change: Change) -> str:
    """Return a description that holds after a change; empty if that is not certain."""
    if is_ome(text):
        return _ome(text, change) if change.values or change.samples else text
    if text.startswith("ImageJ=") and change.values:
        return "\n".join(filter(None, (_imagej_line(line, change.scale) for line in text.split("\n")))) + "\n"
    return text


def is_ome(text: str) -> bool:
    """Tell whether a description is OME-XML, as tifffile decides it."""
    return text[-10:].strip().endswith("OME>")


def ranged(metadata: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """Return ImageJ's metadata with display ranges that hold after a change; without them if the scale is unknown."""
    if not change.values or "Ranges" not in metadata:
        return dict(metadata)
    scale, others = change.scale, {name: value for name, value in metadata.items() if name != "Ranges"}
    return others if scale is None else others | {"Ranges": tuple(limit * scale for limit in metadata["Ranges"])}


def without_bands(gdal: str, change: Change) -> str:
    """Return GDAL's metadata; where a change makes statements about single bands wrong, without them."""
    if not (change.values or change.samples):
        return gdal
    return GDAL_ITEM.sub(lambda item: "" if " sample=" in item[0] else item[0], gdal)


def fits_shape(shape: Sequence[int], raster: Sequence[int], samples: int) -> bool:
    """Tell whether tifffile's description of a series' shape holds for a page, and for the samples of all pages."""
    page = [length for length in raster if length != 1]
    return prod(shape) == samples and [length for length in shape if length != 1][-len(page) or len(shape) :] == page


def _imagej_line(line: str, scale: float | None) -> str:
    """Return a line of ImageJ's description with scaled intensities; empty if it no longer holds."""
    name, _, value = line.partition("=")
    if name in IMAGEJ_CALIBRATION:
        return ""
    if name not in IMAGEJ_RANGE:
        return line
    try:
        return "" if scale is None else f"{name}={float(value) * scale:.10g}"
    except ValueError:
        return ""


def _ome(text: str, change: Change) -> str:
    """Return OME-XML with the new type and number of channels; empty if its structure is another than expected."""
    before, after = str(change.before.samples), str(change.after.samples)
    pixels, channels = PIXELS.findall(text), CHANNEL.findall(text)
    sizes = [_attribute(tag, "SizeC") for tag in pixels]
    known = pixels and all(size.isdecimal() and len(size) < MAX_DIGITS for size in sizes)
    if not known or change.after.dtype not in OME_TYPES or not all(_attribute(tag, "Type") for tag in pixels):
        return ""
    if change.samples:
        whole = all(int(size) % change.before.samples == 0 for size in sizes)
        if not whole or len(channels) * change.before.samples != sum(map(int, sizes)):
            return ""
        if any((_attribute(tag, "SamplesPerPixel") or "1") != before for tag in channels):
            return ""
        if any((_attribute(tag, "FirstC") or "0") != "0" for tag in PLANES.findall(text)):
            return ""
        text = CHANNEL.sub(lambda tag: _with_attribute(tag[0], "SamplesPerPixel", after), text)
    return PIXELS.sub(lambda tag: _ome_pixels(tag[0], change), text)


def _ome_pixels(tag: str, change: Change) -> str:
    channels = int(_attribute(tag, "SizeC")) // change.before.samples
    if change.samples:
        tag = _with_attribute(tag, "SizeC", str(channels * change.after.samples))
    if change.values:
        tag = re.sub(r'\sSignificantBits="[^"]*"', "", tag)
    return _with_attribute(tag, "Type", OME_TYPES[change.after.dtype])


def _attribute(tag: str, name: str) -> str:
    """Return an attribute of a start tag; empty if it has none."""
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found[1] if found else ""


def _with_attribute(tag: str, name: str, value: str) -> str:
    changed, count = re.subn(rf'(\s{name}=)"[^"]*"', rf'\g<1>"{value}"', tag, count=1)
    return changed if count else re.sub(r"^<[\w:]+", rf'\g<0> {name}="{value}"', tag)

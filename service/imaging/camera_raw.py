"""The recognition of camera raw files, most of which are TIFF files with a thumbnail first."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

#: Signatures of raw files that are not TIFF, or say that they are more: of Fujifilm, Panasonic, Olympus, Minolta,
#: Sigma, and Canon's CRW, CR2 and CR3.
SIGNATURES: tuple[tuple[int, bytes], ...] = (
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIU\0"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"\0MRM"),
    (0, b"FOVb"),
    (6, b"HEAPCCDR"),
    (8, b"CR\x02"),
    (4, b"ftypcrx "),
)

PHOTOMETRIC, COMPRESSION, SUB_IFDS, DNG_VERSION = 262, 259, 330, 50706
#: Color filter array, and linear raw (TIFF/EP; DNG 1.7).
RAW_PHOTOMETRICS = frozenset({32803, 34892})
#: Sony, Nikon, Samsung, Kodak, Pentax.
RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 32867, 34713, 65000, 65535})
TYPE_BYTES = {1: 1, 3: 2, 4: 4, 13: 4}
#: Bounds on a hostile file; cameras write up to 5 directories with up to 100 entries.
MAX_DIRECTORIES, MAX_ENTRIES = 16, 512


@dataclass(frozen=True)
class Directory:
    """A TIFF directory: the values of the tags that matter here, and the offset of the next directory."""

    values: dict[int, tuple[int, ...]]
    following: int


def is_camera_raw(data: bytes) -> bool:
    """Tell whether a file is raw data of a camera, by signatures or by the tags of its TIFF directories."""
    if any(data[at : at + len(mark)] == mark for at, mark in SIGNATURES):
        return True
    if data[:4] not in {b"II*\0", b"MM\0*"}:
        return False
    return any(_is_raw(directory.values) for directory in _directories(data))


def _is_raw(values: dict[int, tuple[int, ...]]) -> bool:
    raw = RAW_PHOTOMETRICS & set(values.get(PHOTOMETRIC, ())) or RAW_COMPRESSIONS & set(values.get(COMPRESSION, ()))
    return bool(raw) or DNG_VERSION in values


def _directories(data: bytes) -> Iterator[Directory]:
    """Yield the chain of directories and their sub-directories, each once."""
    order = "<" if data[:2] == b"II" else ">"
    pending, seen = [int(struct.unpack(f"{order}I", data[4:8].ljust(4, b"\0"))[0])], set[int]()
    while pending and len(seen) < MAX_DIRECTORIES:
        start = pending.pop(0)
        if start in seen or not 8 <= start <= len(data) - 2:
            continue
        seen.add(start)
        directory = _directory(data, start, order)
        pending += [directory.following, *directory.values.get(SUB_IFDS, ())]
        yield directory


def _directory(data: bytes, start: int, order: str) -> Directory:
    (count,) = struct.unpack(f"{order}H", data[start : start + 2])
    values = {}
    for index in range(min(count, MAX_ENTRIES)):
        entry = data[start + 2 + 12 * index : start + 14 + 12 * index]
        if len(entry) == 12:
            tag, kind, number = struct.unpack(f"{order}HHI", entry[:8])
            if tag in {PHOTOMETRIC, COMPRESSION, SUB_IFDS, DNG_VERSION}:
                values[tag] = _values(data, entry[8:], kind, number, order)
    end = start + 2 + 12 * count
    following = data[end : end + 4]
    return Directory(values, struct.unpack(f"{order}I", following)[0] if len(following) == 4 else 0)


def _values(data: bytes, field: bytes, kind: int, number: int, order: str) -> tuple[int, ...]:
    """Return the numbers of an entry, in the entry itself or where it points; empty for other types."""
    size, number = TYPE_BYTES.get(kind, 0), min(number, MAX_DIRECTORIES)
    if size * number > 4:
        (at,) = struct.unpack(f"{order}I", field)
        field = data[at : at + size * number]
    code = {1: "B", 2: "H", 4: "I"}.get(size, "")
    number = min(number, len(field) // size) if size else 0
    return struct.unpack(f"{order}{number}{code}", field[: number * size]) if number else ()

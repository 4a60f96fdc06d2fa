"""Mutated image files of every accepted format, which must cause no 5xx, no broken connection and no leak."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from bench.rows import Row
from bench.server import Server, service

FILES, SEED = 10_000, 0
#: An error whose body contains one of these reveals details of the machine.
LEAKS = (b"Traceback", b"site-packages", b".py", b"/")
#: Text with slashes that belongs in a problem document: media types under ``supported``.
OWN = (b"image/", b"application/x-npy", b"application/dicom", b"application/json", b"multipart/form-data")
SETTINGS = {"BIASFREE_MAX_PIXELS": "1000000", "BIASFREE_ANALYSIS_ENABLED": "false"}
HEADER_BYTES = 64
CLIENTS = 4

Rng = np.random.Generator


@dataclass(frozen=True)
class Mutant:
    """A mutated file: the ``seed`` that reproduces it, the ``kind`` of its original, and its bytes."""

    seed: int
    kind: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """The answer of the server; ``status`` 0 means that the connection broke."""

    mutant: Mutant
    status: int
    leak: str

    @property
    def failed(self) -> bool:
        """Tell whether the server misbehaved."""
        return self.status == 0 or self.status >= 500 or bool(self.leak)


def rows(*, files: int = FILES) -> Iterator[Row]:
    """Count the answers to the files.

    Args:
        files: Number of files.
    """
    with service(SETTINGS) as server:
        answers = attack(server, mutants(files, seed=SEED))
        ready = httpx.get(f"{server.url}/readyz", timeout=60).status_code
    for status, count in sorted(Counter(answer.status for answer in answers).items()):
        yield Row(f"answered with {status}" if status else "connection broken", f"{count}")
    yield Row(
        f"{files} files of {len(originals())} kinds, {len(MUTATIONS)} mutations, seed {SEED}: failures",
        _told([answer for answer in answers if answer.failed]),
        wanted="0",
    )
    yield Row("/readyz afterwards", f"{ready}", wanted="200")


def originals() -> dict[str, bytes]:
    """Return an intact file of every accepted kind, 16 to 64 pixels wide."""
    rng = np.random.default_rng(0)
    gray8, rgb8 = (rng.integers(0, 256, shape, np.uint8) for shape in ((48, 33), (17, 64, 3)))
    gray16, rgb16 = (rng.integers(0, 65536, shape, np.uint16) for shape in ((31, 24), (16, 20, 3)))
    float32 = rng.normal(0, 1000, (24, 40)).astype(np.float32)
    stack = rng.normal(0, 1, (3, 16, 18)).astype(np.float32)
    rgba = np.dstack((rgb8, rgb8[..., 0]))
    return {
        "png 8 bit": _pillow(gray8, "PNG"),
        "png 8 bit color": _pillow(rgb8, "PNG", dpi=(72, 72)),
        "png alpha": _pillow(rgba, "PNG"),
        "png 16 bit": _pillow(gray16, "PNG"),
        "jpeg": _pillow(rgb8, "JPEG"),
        "jpeg progressive": _pillow(gray8, "JPEG", progressive=True),
        "webp": _pillow(rgb8, "WEBP"),
        "webp lossless": _pillow(rgba, "WEBP", lossless=True),
        "bmp": _pillow(rgb8, "BMP"),
        "bmp gray": _pillow(gray8, "BMP"),
        "tiff 16 bit color": _tiff(rgb16, photometric="rgb"),
        "tiff float": _tiff(float32),
        "tiff pages": _tiff(stack, photometric="minisblack"),
        "tiff deflate": _tiff(gray16, compression="zlib", predictor=True),
        "tiff tiles": _tiff(gray8, tile=(16, 16)),
        "npy": _npy(gray16),
        "npy float": _npy(float32),
        "npy stack": _npy(stack),
    }


def mutants(count: int, *, seed: int) -> Iterator[Mutant]:
    """Yield ``count`` mutated files, taking kinds and mutations in turn."""
    files = originals()
    kinds = list(files)
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        kind = kinds[index % len(kinds)]
        mutate = MUTATIONS[index // len(kinds) % len(MUTATIONS)]
        yield Mutant(index, f"{kind}, {mutate.__name__}", mutate(rng, files[kind], list(files.values())))


def flip_bits(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Flip one to thirty-two bits anywhere."""
    return _with_flips(rng, data, len(data), int(rng.integers(1, 33)))


def flip_header(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Flip one to four bits in the header."""
    return _with_flips(rng, data, min(HEADER_BYTES, len(data)), int(rng.integers(1, 5)))


def set_field(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Set a number of 1, 2, 4 or 8 bytes within the first 256 bytes to an extreme value."""
    size = int(rng.choice([1, 2, 4, 8]))
    value = [bytes(size), b"\xff" * size, b"\x7f" + b"\xff" * (size - 1), b"\x80" + bytes(size - 1)][rng.integers(4)]
    at = int(rng.integers(4, max(5, min(len(data), 256) - size)))
    return data[:at] + value + data[at + size :]


def truncate(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Truncate the file."""
    return data[: int(rng.integers(1, len(data)))]


def remove(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Remove a piece."""
    start, end = np.sort(rng.integers(4, len(data), 2))
    return data[:start] + data[end:]


def repeat(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Repeat a piece."""
    start, end = np.sort(rng.integers(4, len(data), 2))
    return data[:end] + data[start:]


def splice(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Join the beginning of this file and the end of another."""
    other = others[int(rng.integers(len(others)))]
    return data[: int(rng.integers(8, len(data)))] + other[int(rng.integers(len(other))) :]


MUTATIONS = (flip_bits, flip_header, set_field, truncate, remove, repeat, splice)


def attack(server: Server, files: Iterator[Mutant]) -> list[Answer]:
    """Send every file to ``/denoise``, a few at once."""
    with httpx.Client(base_url=server.url, timeout=60) as client, ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(lambda mutant: _send(client, mutant), files))


def leak_in(body: bytes) -> str:
    """Return the part of an error's body that reveals details of the machine; empty if nothing does."""
    for own in OWN:
        body = body.replace(own, b"")
    return next((leak.decode() for leak in LEAKS if leak in body), "")


def _told(failures: Sequence[Answer]) -> str:
    first = [f"{each.mutant.seed}: {each.mutant.kind}: {each.status} {each.leak}" for each in failures[:20]]
    return f"{len(failures)}" + (f" ({'; '.join(first)})" if first else "")


def _send(client: httpx.Client, mutant: Mutant) -> Answer:
    try:
        got = client.post("/denoise", content=mutant.data, headers={"Content-Type": "application/octet-stream"})
    except httpx.TransportError:
        return Answer(mutant, 0, "")
    return Answer(mutant, got.status_code, leak_in(got.content) if got.status_code >= 400 else "")


def _with_flips(rng: Rng, data: bytes, end: int, count: int) -> bytes:
    changed = bytearray(data)
    for at in rng.integers(0, end, count):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _pillow(pixels: npt.NDArray[Any], format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def _tiff(pixels: npt.NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def _npy(pixels: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return buffer.getvalue()

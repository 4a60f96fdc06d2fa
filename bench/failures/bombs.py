"""Decompression bombs: refused quickly, and without much memory."""

import io
import os
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import tifffile
from PIL import Image

from bench.failures.mutations import leak_in
from bench.rows import Row
from bench.server import Server, resident_bytes, service

SIDE = 60_000
#: Allowed cost of a bomb: processor time, which does not depend on other load, and memory.
MOST_MS, MOST_BYTES = 200, 64 * 2**20
#: Bytes that compress to next to nothing.
ZEROS = bytes(40_000_000)


@dataclass(frozen=True)
class Cost:
    """The cost of one bomb for the server."""

    name: str
    file_bytes: int
    status: int
    milliseconds: float
    processor_ms: float
    grown_bytes: int
    leak: str

    @property
    def held(self) -> bool:
        """Tell whether it was refused quickly and without much memory."""
        cheap = self.processor_ms < MOST_MS and self.grown_bytes < MOST_BYTES
        return 400 <= self.status < 500 and cheap and not self.leak


def rows() -> Iterator[Row]:
    """Measure the cost of each bomb."""
    with service({"BIASFREE_ANALYSIS_ENABLED": "false"}) as server:
        httpx.post(f"{server.url}/denoise", content=npy("(16, 16)") + bytes(256), timeout=60)
        costs = [cost(server, name, data) for name, data in bombs().items()]
    for each in costs:
        yield Row(
            f"{each.name}: {each.file_bytes} bytes",
            f"{each.status}, {each.milliseconds:.0f} ms, {each.processor_ms:.0f} ms of the processor, "
            f"{each.grown_bytes / 2**20:.1f} MB of resident memory",
        )
    yield Row(
        f"refused with 4xx in less than {MOST_MS} ms of the processor and {MOST_BYTES // 2**20} MB",
        f"{sum(each.held for each in costs)}",
        wanted=f"{len(costs)}",
    )


def bombs() -> dict[str, bytes]:
    """Return small files that announce, or unpack to, far more than is accepted."""
    return {
        "png 60000 x 60000, gray": png(SIDE, SIDE, 8, 0),
        "png 60000 x 60000, 16-bit RGBA": png(SIDE, SIDE, 16, 6),
        "png 1 bit, 2^31 - 1 wide": png(2**31 - 1, 1, 1, 0),
        "png 16 x 16 over 40 MB of pixels, cut short": png(16, 16, 8, 0, pixels=ZEROS)[:-40],
        "png palette 60000 x 60000": png(SIDE, SIDE, 8, 3, before=_chunk(b"PLTE", bytes(768))),
        "png profile of 40 MB": png(SIDE, SIDE, 8, 0, before=_chunk(b"iCCP", b"x\0\0" + zlib.compress(ZEROS))),
        "png text of 40 MB": png(SIDE, SIDE, 8, 0, before=_chunk(b"zTXt", b"x\0\0" + zlib.compress(ZEROS))),
        "tiff 60000 x 60000": tiff({256: SIDE, 257: SIDE, 278: SIDE}),
        "tiff deflate 60000 x 60000": tiff({256: SIDE, 257: SIDE, 278: SIDE, 259: 8}, zlib.compress(ZEROS)),
        "tiff one tile of 65520 x 65520": tiff({256: 16, 257: 16, 322: 65_520, 323: 65_520, 259: 8}),
        "tiff 2^32 - 1 each way": tiff({256: 2**32 - 1, 257: 2**32 - 1, 278: 2**32 - 1}),
        "tiff 1 row a strip, 2^30 rows": tiff({256: 1, 257: 2**30, 278: 1}),
        "tiff pages in a circle": tiff({256: 16, 257: 16, 278: 16}, circle=True),
        "tiff 300 pages": _pages(300),
        "webp lossless 16384 x 16384, no pixels": webp(b"VP8L", b"\x2f" + struct.pack("<I", 0x0FFFFFFF)),
        "webp canvas of 2^24 each way": webp(b"VP8X", bytes(4) + b"\xff" * 6),
        "bmp 60000 x 60000": bmp(SIDE, SIDE),
        "bmp run-length 60000 x 60000": bmp(SIDE, SIDE, bits=8, compression=1),
        "npy 60000 x 60000": npy("(60000, 60000)"),
        "npy nested header": npy("(" * 900 + ")" * 900),
        "jpeg 65500 x 65500": jpeg(),
    }


def png(width: int, height: int, depth: int, color: int, *, pixels: bytes = b"\0", before: bytes = b"") -> bytes:
    """Build a PNG with this header, whatever its pixels."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    end = _chunk(b"IDAT", zlib.compress(pixels, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + before + end


def tiff(tags: dict[int, int], strip: bytes = bytes(16), *, circle: bool = False) -> bytes:
    """Build a gray 8-bit TIFF with these tags and one strip or tile."""
    offsets, counts = (324, 325) if 322 in tags else (273, 279)
    every = {258: 8, 259: 1, 262: 1, 277: 1, **tags, offsets: 8, counts: len(strip)}
    at = 8 + len(strip)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, every[tag]) for tag in sorted(every))
    directory = struct.pack("<H", len(every)) + entries + struct.pack("<I", at if circle else 0)
    return b"II*\0" + struct.pack("<I", at) + strip + directory


def webp(kind: bytes, payload: bytes) -> bytes:
    """Build a WebP with one chunk."""
    chunk = kind + struct.pack("<I", len(payload)) + payload + bytes(6)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def bmp(width: int, height: int, *, bits: int = 24, compression: int = 0) -> bytes:
    """Build a BMP with this header and hardly any pixels."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 256 if bits == 8 else 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info + bytes(2048)


def npy(shape: str) -> bytes:
    """Build an NPY whose header announces this shape."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text


def jpeg() -> bytes:
    """Build a JPEG whose frame header is changed to 65500 x 65500."""
    buffer = io.BytesIO()
    Image.new("L", (16, 16)).save(buffer, "JPEG")
    data = buffer.getvalue()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_500, 65_500) + data[at + 4 :]


def cost(server: Server, name: str, data: bytes) -> Cost:
    """Send one bomb, and measure its cost."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        # The set-up of a client takes 100 ms, which is not a cost of the server.
        client.get("/healthz")
        before, worked_s = resident_bytes(server.process.pid), _processor_s(server.process.pid)
        start = time.perf_counter()
        answer = client.post("/denoise", content=data)
        milliseconds = 1000 * (time.perf_counter() - start)
    worked_ms = 1000 * (_processor_s(server.process.pid) - worked_s)
    grown = resident_bytes(server.process.pid) - before
    return Cost(name, len(data), answer.status_code, milliseconds, worked_ms, grown, leak_in(answer.content))


def _processor_s(pid: int) -> float:
    """Return the processor time of a process, to a hundredth of a second (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pages(count: int) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as tif:
        for _ in range(count):
            tif.write(np.zeros((4, 4), np.uint8), metadata=None)
    return buffer.getvalue()


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

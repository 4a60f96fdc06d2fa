"""The images in a request body: raw, multipart or JSON."""

import asyncio
import base64
import json
import re
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import unquote

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.errors import BodyTimeout, MalformedRequest, UnsupportedMedia
from service.imaging import ImageFormat, readable

#: The required field of a form or of JSON.
IMAGE = "image"
#: The other alphabet of base64 (RFC 4648, section 5).
URL_SAFE = str.maketrans("-_", "+/")
#: Addresses, which are never fetched.
ADDRESS = re.compile(r"(https?|ftp|file|blob):", re.IGNORECASE)
DATA_URL = re.compile(r"data:([^,]*),", re.IGNORECASE)
#: Enough to name a field that does not belong there.
MAX_FIELDS = 16
#: Text before the first boundary, which old mail programs and some libraries write.
MAX_PREAMBLE_BYTES = 4096
#: A body with one of these types, or of any image, is the image, whatever its format.
UNNAMED = (
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "application/binary",
    "application/x-www-form-urlencoded",
)


class JsonImage(BaseModel):
    """The JSON body of ``/denoise``."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(
        min_length=1,
        description="The image file in base64, plain or as a `data:` URL.",
        examples=["data:image/png;base64,iVBORw0KGgo..."],
    )


class JsonImages(JsonImage):
    """The JSON body of ``/analyze``."""

    clean: str | None = Field(
        default=None, min_length=1, description="The same image without noise, if known, in base64 as well."
    )


@dataclass(frozen=True)
class Upload:
    """The bytes of an image, and the format declared by the sender if it is a supported one."""

    data: bytes
    declared: ImageFormat | None


class InMemoryParser(MultiPartParser):
    """Starlette's parser without temporary files, since a full or read-only disk would fail the request.

    The bytes are needed in memory anyway, and ``BodyLimit`` bounds them.
    """

    spool_max_size = sys.maxsize
    #: True once the closing boundary has come; the parser ignores what follows it.
    closed = False

    def on_headers_finished(self) -> None:
        """Take every part for a file: a text part may hold no more than 1 MiB, and clients leave out the file name."""
        part = self._current_part
        disposition = part.content_disposition or b""
        if b"filename" not in parse_options_header(disposition)[1]:
            part.content_disposition = disposition + b"; filename=image"
        super().on_headers_finished()

    def on_end(self) -> None:
        """Take note of the closing boundary."""
        self.closed = True


async def read_uploads(request: Request, body: type[JsonImage], *, timeout_s: float) -> dict[str, Upload]:
    """Read the images in a request by their names in the form or JSON.

    Args:
        request: A raw image, a form or JSON.
        body: Schema of the JSON body; a form has the same fields.
        timeout_s: Time limit for the arrival of the body.

    Raises:
        BodyTimeout: The body did not arrive in time.
        MalformedRequest: The body is empty, or does not match its content type.
        UnsupportedMedia: The content type is neither a supported image, nor multipart, nor JSON.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(request, body)
    except TimeoutError as exc:
        raise BodyTimeout(f"the body did not arrive within {timeout_s:g} s", limit=timeout_s) from exc


async def _read(request: Request, body: type[JsonImage]) -> dict[str, Upload]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMedia(
            f"the content encoding {encoding!r} is not supported: send the body uncompressed", supported=["identity"]
        )
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return await _multipart(request, list(body.model_fields))
    if media_type == "application/json":
        return await asyncio.to_thread(_json, await request.body(), body)
    # curl --data-binary sends x-www-form-urlencoded if no content type is given.
    declared = ImageFormat.from_media_type(media_type)
    if declared is None and media_type not in UNNAMED and not media_type.startswith("image/"):
        raise UnsupportedMedia(
            f"the content type {media_type!r} is not supported: send an image as image/png or another image type, "
            "as application/octet-stream, in a form (multipart/form-data) or in JSON (application/json)",
            supported=[*(each.media_type for each in readable()), "multipart/form-data", "application/json"],
        )
    return {IMAGE: _upload(await request.body(), declared)}


async def _multipart(request: Request, fields: list[str]) -> dict[str, Upload]:
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary")
    if not boundary:
        raise MalformedRequest("the Content-Type names no boundary of the form: let the HTTP library set this header")
    try:
        async with aclosing(request.stream()) as stream, aclosing(_from_boundary(stream, boundary)) as parts:
            parser = InMemoryParser(request.headers, parts, max_files=MAX_FIELDS, max_fields=MAX_FIELDS)
            form = await parser.parse()
    except MultiPartException as exc:
        raise MalformedRequest(f"cannot read the form: {exc.__cause__ or exc.message}") from exc
    try:
        if not parser.closed:
            raise MalformedRequest("the form ends before its closing boundary: it is incomplete")
        return await _files(form, fields)
    finally:
        await form.close()


async def _from_boundary(stream: AsyncGenerator[bytes], boundary: bytes) -> AsyncGenerator[bytes]:
    """Yield a form from its first boundary on, without the preamble that may precede it (RFC 2046, section 5.1.1)."""
    head, found, delimiter = b"", False, b"\n--" + boundary
    most = MAX_PREAMBLE_BYTES + len(delimiter)
    async for chunk in stream:
        if found:
            yield chunk
            continue
        head += chunk
        start = (b"\n" + head[:most]).find(delimiter)
        found = start >= 0
        if found:
            yield head[start:]
        elif len(head) > most:
            break
    if not head:
        raise MalformedRequest("the body is empty: send an image")
    if not found:
        raise MalformedRequest("the form does not begin with the boundary that its Content-Type names")


async def _files(form: FormData, fields: list[str]) -> dict[str, Upload]:
    if IMAGE not in form:
        raise MalformedRequest(_without_image(list(form)), expected=IMAGE)
    others = sorted(set(form) - set(fields))
    if others:
        raise MalformedRequest(f"the form has unknown fields: {', '.join(others)}; send parameters in the query string")
    uploads = {}
    for name in fields:
        if len(form.getlist(name)) > 1:
            raise MalformedRequest(f"the form has several fields {name!r}: send one image per request", expected=1)
        part = form.get(name)
        if isinstance(part, UploadFile):
            declared = ImageFormat.from_media_type(part.content_type or "")
            encoding = part.headers.get("content-transfer-encoding", "").strip().lower()
            content = await part.read()
            uploads[name] = _upload(_decoded(content.decode("latin-1")) if encoding == "base64" else content, declared)
    return uploads


def _without_image(names: Sequence[str]) -> str:
    """Say what is wrong with a form of these fields, and what to do."""
    if not names:
        return f"the form has no fields: send the image in the field {IMAGE!r}"
    more = ", and send parameters in the query string" if len(names) > 1 else ""
    return f"the form has the fields {', '.join(names)}: the image's field must be called {IMAGE!r}{more}"


def _json(content: bytes, body: type[JsonImage]) -> dict[str, Upload]:
    try:
        images: dict[str, str | None] = body.model_validate_json(_utf8(content)).model_dump()
    except ValidationError as exc:
        raise MalformedRequest(_wrong_json(exc, list(body.model_fields))) from exc
    return {name: _from_base64(text) for name, text in images.items() if text is not None}


def _utf8(content: bytes) -> bytes:
    """Return JSON in UTF-8 without a byte order mark; Windows programs write one, and UTF-16 as well."""
    encoding = json.detect_encoding(content)
    if encoding == "utf-8":
        return content
    try:
        return content.decode(encoding).encode()
    except UnicodeError as exc:
        raise MalformedRequest(f"the JSON body is not valid {encoding}: send it in UTF-8") from exc


def _wrong_json(error: ValidationError, known: Sequence[str]) -> str:
    """Say what is wrong with a JSON body, and what to do."""
    failures = error.errors()
    unknown = [str(each["loc"][0]) for each in failures if each["type"] == "extra_forbidden"]
    if unknown and any(each["type"] == "missing" for each in failures):
        return f"the JSON has the members {', '.join(unknown)}: the image's member must be called {IMAGE!r}"
    if unknown:
        return (
            f"the JSON has unknown members: {', '.join(unknown)}; it may have {', '.join(known)}, and parameters "
            "belong in the query string"
        )
    where = ".".join(str(part) for part in failures[0]["loc"]) or "body"
    return f'the JSON body must be {{"image": "<base64>"}}: {where}: {failures[0]["msg"]}'


def _from_base64(image: str) -> Upload:
    declared = None
    if ADDRESS.match(image):
        raise MalformedRequest("the image is an address, and none is ever fetched: send the image itself in base64")
    if image[:5].lower() == "data:":
        head = DATA_URL.match(image)
        media_type, *parameters = head[1].split(";") if head else [""]
        if head is None or "base64" not in (each.strip().lower() for each in parameters):
            raise MalformedRequest("a data: URL must have the form data:<type>;base64,<data>")
        declared, image = ImageFormat.from_media_type(media_type), unquote(image[head.end() :])
    return _upload(_decoded(image), declared)


def _decoded(text: str) -> bytes:
    """Decode base64 in either alphabet, with line breaks, as base64(1) writes them, and perhaps without its padding."""
    joined = "".join(text.split()).translate(URL_SAFE)
    try:
        return base64.b64decode(joined + "=" * (-len(joined) % 4), validate=True)
    except ValueError as exc:
        raise MalformedRequest(f"the image is not valid base64: {exc}") from exc


def _upload(data: bytes, declared: ImageFormat | None) -> Upload:
    if not data:
        raise MalformedRequest("the body is empty: send an image")
    return Upload(data, declared)

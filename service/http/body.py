"""The request's body, however it is packed: raw, a multipart field, or JSON."""

import asyncio
import base64
import sys
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.errors import BodyTimeout, MalformedRequest, UnsupportedMedia
from service.imaging import ImageFormat

#: The field of a form or of JSON that there always is.
IMAGE = "image"
#: Windows programs begin JSON with it.
UTF8_BOM = b"\xef\xbb\xbf"
#: Enough to say which field does not belong there.
MAX_FIELDS = 16
#: A body of one of these types is the image, whatever it turns out to be.
UNNAMED = ("", "application/octet-stream", "application/x-www-form-urlencoded")


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
        default=None, min_length=1, description="The same image without noise, where it is known; likewise in base64."
    )


@dataclass(frozen=True)
class Upload:
    """The image's bytes, and what the sender called them, if anything that is read here."""

    data: bytes
    declared: ImageFormat | None


class InMemoryParser(MultiPartParser):
    """Starlette's, without its temporary files: a full or read-only disk would fail the request.

    The bytes are needed in memory anyway, and ``BodyLimit`` bounds them.
    """

    spool_max_size = sys.maxsize

    def on_headers_finished(self) -> None:
        """Take every part for a file: a text part may hold no more than 1 MiB, and clients leave out the file name."""
        part = self._current_part
        disposition = part.content_disposition or b""
        if b"filename" not in parse_options_header(disposition)[1]:
            part.content_disposition = disposition + b"; filename=image"
        super().on_headers_finished()


async def read_uploads(request: Request, body: type[JsonImage], *, timeout_s: float) -> dict[str, Upload]:
    """Read images out of a request, by the names that they have in a form or in JSON.

    Args:
        request: A raw image, a form or JSON.
        body: The JSON body: its fields are the form's as well.
        timeout_s: Limit on the time in which the body arrives.

    Raises:
        BodyTimeout: The body did not arrive in time.
        MalformedRequest: The body is empty, or is not what its content type says.
        UnsupportedMedia: The content type is neither an image's, nor multipart, nor JSON.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(request, body)
    except TimeoutError as exc:
        raise BodyTimeout(f"the body did not arrive within {timeout_s:g} s", limit=timeout_s) from exc


async def _read(request: Request, body: type[JsonImage]) -> dict[str, Upload]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMedia(f"a body in the encoding {encoding!r} is not read", supported=["identity"])
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return await _multipart(request, list(body.model_fields))
    if media_type == "application/json":
        return await asyncio.to_thread(_json, await request.body(), body)
    # curl --data-binary says x-www-form-urlencoded where nobody says what it sends.
    declared = ImageFormat.from_media_type(media_type)
    if declared is None and media_type not in UNNAMED:
        raise UnsupportedMedia(
            f"{media_type!r} is not read here",
            supported=[*(each.media_type for each in ImageFormat), "multipart/form-data", "application/json"],
        )
    return {IMAGE: _upload(await request.body(), declared)}


async def _multipart(request: Request, fields: list[str]) -> dict[str, Upload]:
    try:
        async with aclosing(request.stream()) as stream:
            parser = InMemoryParser(request.headers, stream, max_files=MAX_FIELDS, max_fields=MAX_FIELDS)
            form = await parser.parse()
    except MultiPartException as exc:
        raise MalformedRequest(f"the multipart body cannot be read: {exc.message}") from exc
    try:
        return await _files(form, fields)
    finally:
        await form.close()


async def _files(form: FormData, fields: list[str]) -> dict[str, Upload]:
    others = sorted(set(form) - set(fields))
    if others:
        raise MalformedRequest(f"parameters go into the query, not into the form: {', '.join(others)}")
    uploads = {}
    for name in fields:
        part = form.get(name)
        if isinstance(part, UploadFile):
            uploads[name] = _upload(await part.read(), ImageFormat.from_media_type(part.content_type or ""))
        elif name == IMAGE or part is not None:
            raise MalformedRequest(f"expected a file in the multipart field {name!r}", expected=name)
    return uploads


def _json(content: bytes, body: type[JsonImage]) -> dict[str, Upload]:
    try:
        images: dict[str, str | None] = body.model_validate_json(content.removeprefix(UTF8_BOM)).model_dump()
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise MalformedRequest(f'expected {{"image": "<base64>"}}: {where}: {first["msg"]}') from exc
    return {name: _from_base64(text) for name, text in images.items() if text is not None}


def _from_base64(image: str) -> Upload:
    declared = None
    if image.startswith("data:"):
        head, comma, image = image.partition(",")
        if not comma or not head.endswith(";base64"):
            raise MalformedRequest("expected a data: URL of the form data:<type>;base64,<data>")
        declared = ImageFormat.from_media_type(head[len("data:") :].partition(";")[0])
    try:
        # base64(1) breaks lines.
        return _upload(base64.b64decode("".join(image.split()), validate=True), declared)
    except ValueError as exc:
        raise MalformedRequest(f"the image is not valid base64: {exc}") from exc


def _upload(data: bytes, declared: ImageFormat | None) -> Upload:
    if not data:
        raise MalformedRequest("the body is empty, expected an image")
    return Upload(data, declared)

"""Forms as libraries and people send them: read if they are whole, or refused with what is wrong."""

import base64
import json
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from tests.integration.images import npy

pytestmark = pytest.mark.anyio

IMAGE = npy(np.ones((8, 9), np.uint8))
FORM = {"Content-Type": "multipart/form-data; boundary=XX"}
CLOSED = b"\r\n--XX--\r\n"


def part(name: str = "image", content: bytes = IMAGE) -> bytes:
    """A part of a form, after its boundary."""
    return b'--XX\r\nContent-Disposition: form-data; name="' + name.encode() + b'"; filename="a"\r\n\r\n' + content


async def refusal(client: httpx.AsyncClient, content: bytes, **headers: str) -> str:
    """The detail of the answer to a form that cannot be read."""
    answer = await client.post("/denoise", content=content, headers={**FORM, **headers})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:biasfree:problem:malformed-request")
    return str(answer.json()["detail"])


async def test_an_image_in_another_field_is_told_its_name(client: httpx.AsyncClient) -> None:
    """curl -F file=@a.png."""
    assert await refusal(client, part("file") + CLOSED) == (
        "the form has the fields file: the image's field must be called 'image'"
    )
    both = await refusal(client, part("file") + b"\r\n" + part("strength", b"1") + CLOSED)
    assert both.endswith("must be called 'image', and send parameters in the query string")


async def test_a_parameter_beside_the_image_belongs_into_the_query(client: httpx.AsyncClient) -> None:
    """The message names the parameter."""
    detail = await refusal(client, part() + b"\r\n" + part("strength", b"1") + CLOSED)
    assert detail == "the form has unknown fields: strength; send parameters in the query string"


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n--X", b"\r\n--XX\r\n"])
async def test_a_form_without_its_closing_boundary_is_incomplete(client: httpx.AsyncClient, end: bytes) -> None:
    """Its image was a file."""
    assert await refusal(client, part() + end) == "the form ends before its closing boundary: it is incomplete"


@pytest.mark.parametrize("body", [b"--XX--\r\n", b"--XX--", b"\r\n--XX--\r\n"])
async def test_a_form_without_parts_has_no_fields(client: httpx.AsyncClient, body: bytes) -> None:
    """A browser's, whose fields have no names."""
    assert await refusal(client, body) == "the form has no fields: send the image in the field 'image'"


async def test_an_empty_form_is_an_empty_body(client: httpx.AsyncClient) -> None:
    """As without a form."""
    assert await refusal(client, b"") == "the body is empty: send an image"


@pytest.mark.parametrize("name", ["", "; boundary="])
async def test_a_form_whose_boundary_is_not_named_is_refused_with_what_to_do(
    client: httpx.AsyncClient, name: str
) -> None:
    """People set the Content-Type by hand."""
    detail = await refusal(client, part() + CLOSED, **{"Content-Type": f"multipart/form-data{name}"})
    assert detail == "the Content-Type names no boundary of the form: let the HTTP library set this header"


@pytest.mark.parametrize("size", [0, 100, 10_000])
async def test_a_form_with_another_boundary_is_refused_by_that(client: httpx.AsyncClient, size: int) -> None:
    """At any length."""
    content = (part(content=bytes(size)) + CLOSED).replace(b"--XX", b"--YY")
    assert await refusal(client, content) == "the form does not begin with the boundary that its Content-Type names"


@pytest.mark.parametrize(
    "preamble",
    [b"", b"\r\n", b"This is a multi-part message in MIME format.\r\n", b"\r\n--X\r\n", b"a\n", b"-" * 4000 + b"\r\n"],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
async def test_a_preamble_before_the_first_boundary_is_ignored(
    client: httpx.AsyncClient, preamble: bytes, step: int
) -> None:
    """RFC 2046 allows one; in whatever pieces it arrives."""
    content = preamble + part() + CLOSED + b"an epilogue"

    async def pieces():
        for start in range(0, len(content), step):
            yield content[start : start + step]

    answer = await client.post("/denoise", content=pieces(), headers=FORM)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-npy"


async def test_a_preamble_has_an_end(client: httpx.AsyncClient) -> None:
    """The search for the first boundary is bounded."""
    detail = await refusal(client, b"x" * 5000 + b"\r\n" + part() + CLOSED)
    assert detail == "the form does not begin with the boundary that its Content-Type names"


async def test_a_damaged_part_is_refused_with_its_place(client: httpx.AsyncClient) -> None:
    """A header's name has a space in it."""
    detail = await refusal(client, b"--XX\r\nContent Disposition: form-data\r\n\r\nx" + CLOSED)
    assert detail.startswith("cannot read the form: ")
    assert "Invalid multipart data" not in detail


ENCODED = base64.b64encode(IMAGE).decode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_json_is_read_in_every_encoding_of_unicode(client: httpx.AsyncClient, encoding: str) -> None:
    """PowerShell writes UTF-16 with a byte order mark."""
    content = json.dumps({"image": ENCODED}).encode(encoding)
    answer = await client.post("/denoise", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "image",
    [
        ENCODED.rstrip("="),
        base64.urlsafe_b64encode(IMAGE).decode().rstrip("="),
        f"DATA:image/png;BASE64,{ENCODED}",
        f"data:application/x-npy;name=a.npy;base64,{ENCODED}",
        f"data:;base64,{quote(ENCODED, safe='')}",
    ],
)
async def test_base64_is_read_as_programs_write_it(client: httpx.AsyncClient, image: str) -> None:
    """Without padding, in the alphabet for addresses, in every spelling of a data URL."""
    answer = await client.post("/denoise", json={"image": image})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"file": ENCODED}, "the JSON has the members file: the image's member must be called 'image'"),
        ({"image": ENCODED, "strength": 1}, "unknown members: strength; it may have image, and parameters"),
        ({"image": "https://example.org/a.png"}, "an address, and none is ever fetched"),
        ({"image": "data:image/png,abc"}, "data:<type>;base64,<data>"),
    ],
)
async def test_wrong_json_is_told_what_belongs_there(
    client: httpx.AsyncClient, body: dict[str, object], words: str
) -> None:
    """In the words of its sender."""
    answer = await client.post("/denoise", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


async def test_a_part_in_base64_is_decoded(client: httpx.AsyncClient) -> None:
    """Old mail libraries write forms so, and say it."""
    head = b'--XX\r\nContent-Disposition: form-data; name="image"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    answer = await client.post("/denoise", content=head + base64.encodebytes(IMAGE) + CLOSED, headers=FORM)
    assert answer.status_code == 200


@pytest.mark.parametrize("media_type", ["image/x-unheard-of", "image/apng", "image/*", "binary/octet-stream"])
async def test_the_content_decides_whatever_kind_of_image_it_is_called(
    client: httpx.AsyncClient, media_type: str
) -> None:
    """S3 calls every file binary/octet-stream."""
    answer = await client.post("/denoise", content=IMAGE, headers={"Content-Type": media_type})
    assert answer.status_code == 200
    other = await client.post("/denoise", content=IMAGE, headers={"Content-Type": "text/plain"})
    assert other.status_code == 415
    assert "application/octet-stream" in other.json()["detail"]

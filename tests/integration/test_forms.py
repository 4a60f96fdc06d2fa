"""Forms as libraries and people send them: read if they are whole, or refused with what is wrong."""

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

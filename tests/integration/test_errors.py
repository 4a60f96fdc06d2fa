"""Every error of ``/denoise`` is a problem document, and the service goes on."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.integration.images import NPY, npy, photograph

pytestmark = pytest.mark.anyio

PNG = {"Content-Type": "image/png"}


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds no pixels."""
    import struct
    import zlib

    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def a_zip() -> bytes:
    """An archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("image.png", b"no")
    return buffer.getvalue()


async def refused(client, status: int, name: str, **request) -> dict:
    """Send a request; check its problem document, and that the service still serves."""
    answer = await client.post("/denoise", **request)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:biasfree:problem:{name}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert str(Path(__file__).parents[2]) not in answer.text
    fine = await client.post("/denoise", content=npy(np.ones((8, 8), np.float32)), headers=NPY)
    assert fine.status_code == 200
    return problem


@pytest.mark.parametrize(
    ("content", "status", "name"),
    [
        (b"", 400, "malformed-request"),
        (b"this is not an image", 400, "undecodable-image"),
        (a_zip(), 400, "undecodable-image"),
        (b"\x89PNG\r\n\x1a\n", 400, "undecodable-image"),
        (png_header(8, 8), 400, "undecodable-image"),
        (png_header(50_000, 50_000), 413, "image-too-large"),
    ],
    ids=["empty", "text", "zip", "signature only", "header only", "50,000 x 50,000"],
)
async def test_what_is_called_png_and_is_none_is_refused(client, content, status, name):
    """Whatever it is."""
    await refused(client, status, name, content=content, headers=PNG)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.98])
async def test_a_truncated_image_is_refused(client, kept):
    """At every place."""
    image = npy((photograph(64) * 255).astype(np.uint8))
    answer = await client.post("/denoise", content=image, headers=NPY, params={"format": "png"})
    whole = answer.content
    await refused(client, 400, "undecodable-image", content=whole[: int(kept * len(whole))], headers=PNG)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
async def test_a_pixel_that_is_not_finite_is_refused(client, value):
    """With how many there are."""
    image = np.ones((8, 8), np.float32)
    image[3, 4] = value
    problem = await refused(client, 422, "invalid-pixels", content=npy(image), headers=NPY)
    assert problem["count"] == 1


async def test_too_many_pixels_are_refused_with_the_numbers(client):
    """The limit and what came."""
    problem = await refused(client, 413, "image-too-large", content=npy(np.zeros((2001, 2000), np.uint8)), headers=NPY)
    assert (problem["limit"], problem["actual"]) == (4_000_000, 4_002_000)


async def test_too_many_frames_are_refused_with_the_numbers(client):
    """Nine pages where eight are allowed."""
    problem = await refused(client, 413, "image-too-large", content=npy(np.zeros((9, 4, 6), np.uint8)), headers=NPY)
    assert (problem["limit"], problem["actual"]) == (8, 9)


async def test_too_large_a_body_is_refused_with_the_numbers(client):
    """Before it is read, where its length is announced."""
    problem = await refused(client, 413, "body-too-large", content=bytes(8_000_001), headers=PNG)
    assert (problem["limit"], problem["actual"]) == (8_000_000, 8_000_001)


async def test_a_chunked_body_is_cut_off_at_the_limit(client):
    """No length is announced; reading stops where the limit is."""
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(1000):
            sent += 65536
            yield bytes(65536)

    answer = await client.post("/denoise", content=endless(), headers=PNG)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:biasfree:problem:body-too-large"
    assert sent <= 8_000_000 + 2 * 65536


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"strength": "2"}, "strength"),
        ({"strength": "much"}, "strength"),
        ({"strength": "nan"}, "strength"),
        ({"chroma_strength": "-inf"}, "chroma_strength"),
        ({"format": "gif"}, "format"),
        ({"output": "noise"}, "output"),
        ({"color": "blue"}, "color"),
        ({"bit_depth": "0"}, "bit_depth"),
        ({"sigma": "25"}, "sigma"),
    ],
)
async def test_a_wrong_parameter_is_named(client, query, where):
    """And a misspelt one is not ignored."""
    problem = await refused(
        client, 422, "invalid-parameter", content=npy(np.ones((4, 4), np.uint8)), headers=NPY, params=query
    )
    assert problem["parameters"][0]["parameter"] == where
    if next(iter(query.values())) in {"2", "nan", "-inf"}:
        assert problem["detail"] == f"{where}: must be from 0 to 1"


@pytest.mark.parametrize("pixel", ["3;3", "x", "1,-2"])
async def test_a_wrong_pixel_is_refused_in_a_plain_sentence(client, pixel):
    """By the name of the parameter; the words of the validation library are none."""
    answer = await client.post(
        "/analyze", content=npy(np.ones((4, 4), np.uint8)), headers=NPY, params={"pixel": ["1,1", pixel]}
    )
    assert answer.status_code == 422
    assert answer.json()["detail"] == "pixel: must be x,y: column and row of a pixel, counted from 0"
    assert answer.json()["parameters"][0]["actual"] == pixel


async def test_a_bit_depth_beyond_the_type_is_refused(client):
    """Ten bits do not fit into eight."""
    await refused(
        client, 422, "invalid-parameter", content=npy(np.ones((4, 4), np.uint8)), headers=NPY, params={"bit_depth": 10}
    )


async def test_an_unknown_model_is_answered_with_those_that_exist(client):
    """404."""
    problem = await refused(
        client, 404, "unknown-model", content=npy(np.ones((4, 4), np.uint8)), headers=NPY, params={"model": "none"}
    )
    assert "gray" in problem["supported"]


async def test_a_color_model_on_a_gray_image_is_refused_with_the_way_out(client):
    """color=rgb converts it."""
    problem = await refused(
        client, 422, "invalid-parameter", content=npy(np.ones((4, 4), np.uint8)), headers=NPY, params={"model": "color"}
    )
    assert "color=rgb" in problem["detail"]


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
async def test_a_format_that_cannot_hold_the_pixels_is_refused_before_the_work(client, format):
    """Floats do not fit into a PNG."""
    problem = await refused(
        client,
        406,
        "unsupported-output",
        content=npy(np.ones((4, 4), np.float32)),
        headers=NPY,
        params={"format": format},
    )
    assert "npy" in problem["supported"]


async def test_an_accept_that_allows_no_image_is_refused(client):
    """406 with what there is."""
    problem = await refused(
        client,
        406,
        "unsupported-output",
        content=npy(np.ones((4, 4), np.float32)),
        headers={**NPY, "Accept": "text/html"},
    )
    assert "application/x-npy" in problem["supported"]


async def test_a_content_type_that_is_no_image_is_refused(client):
    """415 with what there is."""
    problem = await refused(
        client, 415, "unsupported-media", content=b"<svg/>", headers={"Content-Type": "image/svg+xml"}
    )
    assert "image/png" in problem["supported"]


async def test_a_dtype_that_is_not_read_is_refused(client):
    """Complex numbers are two images."""
    await refused(client, 415, "unsupported-media", content=npy(np.ones((4, 4), np.complex64)), headers=NPY)


@pytest.mark.parametrize(
    "json",
    [
        {"image": "\u00e9"},
        {"picture": "x"},
        {"image": ""},
        {"image": "*"},
        {"image": "data:image/png,abc"},
        [1],
        {"image": 3},
    ],
)
async def test_wrong_json_is_refused(client, json):
    """With what was expected."""
    await refused(client, 400, "malformed-request", json=json)


async def test_an_encoded_body_is_refused_by_name(client):
    """gzip is not read, and not taken for a broken image."""
    problem = await refused(client, 415, "unsupported-media", content=b"x", headers={**PNG, "Content-Encoding": "gzip"})
    assert "gzip" in problem["detail"]


async def test_json_that_is_none_is_refused(client):
    """A brace is missing."""
    await refused(client, 400, "malformed-request", content=b'{"image": ', headers={"Content-Type": "application/json"})


async def test_a_form_without_the_field_is_refused(client):
    """The field is called ``image``."""
    await refused(client, 400, "malformed-request", files={"picture": ("a.png", b"x", "image/png")})


async def test_a_parameter_in_the_form_is_not_ignored(client):
    """Parameters belong into the query."""
    problem = await refused(
        client, 400, "malformed-request", files={"image": ("a.png", b"x", "image/png")}, data={"strength": "0.5"}
    )
    assert "strength" in problem["detail"]


async def test_a_broken_form_is_refused(client):
    """No boundary."""
    await refused(client, 400, "malformed-request", content=b"x", headers={"Content-Type": "multipart/form-data"})


async def test_no_url_is_ever_fetched(client):
    """A URL is not base64."""
    await refused(client, 400, "malformed-request", json={"image": "http://127.0.0.1/image.png"})


async def test_unknown_paths_and_methods_are_problems_too(client):
    """404 and 405; their details say what to do."""
    for method, path, status, words in (
        ("GET", "/nothing", 404, "there is no /nothing: /docs lists the paths"),
        ("GET", "/denoise", 405, "/denoise does not take GET: use POST"),
        ("OPTIONS", "/denoise", 405, "/denoise does not take OPTIONS: use POST"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["detail"]) == (status, words)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]

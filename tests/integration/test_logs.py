"""The log of a real process: what is in it, and what must never be."""

import io
import json

import httpx
import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from tests.servers import running_server

KEY, WRONG = "k3y-that-nobody-may-read-0001", "another-secret-of-somebody-0002"
FILE_NAME, COMMENT, QUERY = "grandmother-at-home.jpg", "the comment of the photographer", "a-value-of-the-query"
#: 48 deg 12' 30.1234" N, 16 deg 22' 18.9876" E, as the file has them. In degrees it is 48.20837 and 16.37194: with four
#: decimals, because durations have three.
LATITUDE, LONGITUDE = (48.0, 12.0, 30.1234), (16.0, 22.0, 18.9876)
SECRETS = (
    *(KEY, WRONG, FILE_NAME, COMMENT, QUERY, "a/secret/path"),
    *("30.1234", "301234", "18.9876", "189876", "48.2083", "16.3719"),
)
PICTURE = Image.fromarray(np.arange(60 * 40, dtype=np.uint8).reshape(40, 60))


def exif() -> Image.Exif:
    """With a position and a comment."""
    found = Image.Exif()
    found[0x010E] = found[0x9C9C] = found[0x013B] = COMMENT
    found[0x8825] = {1: "N", 2: LATITUDE, 3: "E", 4: LONGITUDE}
    return found


def jpeg() -> bytes:
    """With EXIF and a comment of its own."""
    buffer = io.BytesIO()
    PICTURE.save(buffer, "jpeg", exif=exif(), comment=COMMENT)
    assert COMMENT.encode() in buffer.getvalue()
    return buffer.getvalue()


def png() -> bytes:
    """With EXIF and a text chunk."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", COMMENT)
    buffer = io.BytesIO()
    PICTURE.save(buffer, "png", exif=exif(), pnginfo=text)
    return buffer.getvalue()


def tiff() -> bytes:
    """With a description and a position."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = COMMENT
    buffer = io.BytesIO()
    PICTURE.save(buffer, "tiff", exif=exif(), tiffinfo=tags)
    return buffer.getvalue()


def damaged(image: bytes) -> bytes:
    """Whole tags, and half of the pixels."""
    return image[: len(image) - 300]


def requests(client: httpx.Client) -> list[httpx.Response]:
    """Good and bad ones, all with something in them that is nobody's business."""
    known = {"X-API-Key": KEY}
    answers = []
    for image in (jpeg(), png(), tiff(), damaged(jpeg()), damaged(png()), damaged(tiff()), COMMENT.encode()):
        answers.append(
            client.post("/denoise?model=gray", files={"image": (FILE_NAME, image, "image/jpeg")}, headers=known)
        )
        answers.append(client.post("/denoise?model=gray", content=image, headers={**known, "X-File-Name": FILE_NAME}))
        answers.append(client.post("/analyze?size=8", files={"image": (FILE_NAME, image)}, headers=known))
    answers += [
        client.post("/denoise", params={"caption": QUERY}, content=jpeg(), headers=known),
        client.post("/denoise", params={"model": QUERY}, content=jpeg(), headers=known),
        client.post("/denoise", json={"image": COMMENT, "name": FILE_NAME}, headers=known),
        client.post("/denoise", json={FILE_NAME: COMMENT}, headers=known),
        client.post("/denoise", content=jpeg(), headers={"Authorization": f"Bearer {WRONG}"}),
        client.post("/denoise", content=jpeg(), params={"key": KEY}),
        client.get(f"/models/{QUERY}", headers=known),
        client.get("/a/secret/path", params={"q": QUERY}, headers=known),
        client.get("/page/" + FILE_NAME, headers=known),
        client.put("/denoise", content=COMMENT, headers=known),
        client.get("/limits", headers={**known, "X-Request-Id": "my-id-1"}),
        client.get("/healthz"),
        client.get("/readyz"),
    ]
    return answers


@pytest.fixture(scope="module", params=["json", "text"])
def told(request, tmp_path_factory, gray_alone):
    """Format, answers, lines of the log, and metrics, of a process that logs as much as it can.

    That of text has no analyses, whose process takes seconds to start.
    """
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"ann:{KEY}\n")
    lines: list[str] = []
    settings = {
        "BIASFREE_LOG_FORMAT": request.param,
        "BIASFREE_LOG_LEVEL": "DEBUG",
        "BIASFREE_ANALYSIS_ENABLED": str(request.param == "json"),
        "BIASFREE_MODELS_DIR": str(gray_alone),
    }
    with (
        running_server(log=lines, BIASFREE_API_KEYS_FILE=str(keys), **settings) as url,
        httpx.Client(base_url=url, timeout=120) as client,
    ):
        answers = requests(client)
        metrics = client.get("/metrics").text
    return request.param, answers, lines, metrics


def test_nothing_of_images_keys_names_or_queries_is_told(told):
    """At the level of debugging, of good and of bad requests, in the log as in the metrics."""
    _, answers, lines, metrics = told
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 404, 405, 422}
    text = "".join(lines)
    assert text.count("/denoise") >= 15
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret
        assert secret.lower() not in metrics.lower(), secret


def test_every_request_is_a_line_but_for_probes_that_succeed(told):
    """With the id that the client was given."""
    _, answers, lines, _ = told
    for answer in answers[:-2]:
        assert sum(answer.headers["x-request-id"] in line for line in lines) == 1
    text = "".join(lines)
    assert "my-id-1" in text
    for answer in answers[-2:]:
        assert answer.headers["x-request-id"] not in text


def test_json_lines_have_the_facts_of_a_request(told):
    """Everything that is logged is an object a line, uvicorn's messages too."""
    format, answers, lines, _ = told
    if format == "text":
        assert f"{answers[0].headers['x-request-id']} POST /denoise 200 " in "".join(lines)
        assert "outcome=ok model=gray width=60 height=40 frames=1 channels=1 dtype=uint8 decode_ms=" in "".join(lines)
        return
    records = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "message"} <= record.keys() for record in records)
    assert any(record["logger"].startswith("uvicorn") for record in records)
    of = {record["request_id"]: record for record in records if "request_id" in record}
    first = of[answers[0].headers["x-request-id"]]
    expected = {"method": "POST", "route": "/denoise", "status": 200, "outcome": "ok", "model": "gray"}
    assert first.items() >= {**expected, "width": 60, "height": 40, "frames": 1}.items()
    assert first["channels"] == 1
    assert first["dtype"] == "uint8"
    stages = ("decode_ms", "queue_ms", "infer_ms", "encode_ms")
    assert all(first[stage] >= 0 for stage in stages)
    assert sum(first[stage] for stage in stages) <= first["duration_ms"] + 1
    analysis = of[answers[2].headers["x-request-id"]]
    assert analysis["route"] == "/analyze"
    assert analysis["analyze_ms"] > 0
    refused = next(answer for answer in answers if answer.status_code == 401)
    assert of[refused.headers["x-request-id"]]["outcome"] == "unauthorized"


@pytest.mark.parametrize(("variable", "value"), [("BIASFREE_LOG_FORMAT", "xml"), ("BIASFREE_LOG_LEVEL", "loud")])
def test_an_unknown_format_or_level_is_refused_in_one_sentence(variable, value, refused_start):
    """Exit status 1 and no traceback."""
    said = refused_start(**{variable: value})
    assert said.startswith(variable)
    assert len(said.splitlines()) == 1

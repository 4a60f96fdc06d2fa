"""The service's own description."""

import httpx
import pytest

from biasfree_client import Denoiser, Limits, ModelSummary, Readiness, UnexpectedResponse

LIMITS = {
    "max_body_bytes": 100,
    "max_pixels": 200,
    "max_frames": 3,
    "timeout_s": 300.0,
    "media_types": ["image/png"],
    "dtypes": ["uint8"],
    "analysis": None,
}


@pytest.fixture
def says(service):
    """Return a function that makes the service answer with JSON, and returns a client of it."""

    def say(document) -> Denoiser:
        service.answer = lambda _: httpx.Response(200, json=document)
        return Denoiser(transport=service.transport)

    return say


def test_members_of_a_newer_service_are_ignored(says):
    """Known members are read, and unknown ones are ignored."""
    assert says([{"name": "bm3d", "version": "1", "kind": "classical"}]).models() == [ModelSummary("bm3d", "1")]
    assert says({"device": "cuda", "mood": "good"}).ready() == Readiness("cuda")
    assert says({**LIMITS, "more": 1}).limits() == Limits(100, 200, 3, 300.0, ("image/png",), ("uint8",))


def test_the_name_of_a_model_is_one_part_of_the_path(service, says):
    """Slashes and question marks in a name are escaped."""
    says({"card": {}}).model("a/../b?c")
    assert service.requests[0].url.raw_path == b"/models/a%2F..%2Fb%3Fc"


@pytest.mark.parametrize(
    ("ask", "document"),
    [
        ("models", {"name": "gray"}),
        ("models", [{"name": "gray"}]),
        ("models", ["gray"]),
        ("ready", []),
        ("ready", {"models": []}),
        ("limits", {**LIMITS, "dtypes": None}),
        ("limits", {**LIMITS, "max_pixels": "many"}),
        ("limits", {}),
    ],
)
def test_a_document_that_breaks_the_contract_is_an_unexpected_response(says, ask, document):
    """Missing or wrong members raise UnexpectedResponse, not KeyError."""
    with pytest.raises(UnexpectedResponse, match="Unexpected answer"):
        getattr(says(document), ask)()


def test_an_answer_that_is_not_json_is_an_unexpected_response(service):
    """A login page with a JSON media type is refused."""
    service.answer = lambda _: httpx.Response(200, content=b"<html>", headers={"Content-Type": "application/json"})
    with pytest.raises(UnexpectedResponse, match="not JSON"):
        Denoiser(transport=service.transport).limits()

"""What the service says about itself."""

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
    """Let the service answer with JSON, and give a client."""

    def say(document) -> Denoiser:
        service.answer = lambda _: httpx.Response(200, json=document)
        return Denoiser(transport=service.transport)

    return say


def test_members_of_a_newer_service_are_left_out(says):
    """What is known is read."""
    assert says([{"name": "bm3d", "version": "1", "kind": "classical"}]).models() == [ModelSummary("bm3d", "1")]
    assert says({"device": "cuda", "mood": "good"}).ready() == Readiness("cuda")
    assert says({**LIMITS, "more": 1}).limits() == Limits(100, 200, 3, 300.0, ("image/png",), ("uint8",))


def test_the_name_of_a_model_is_one_part_of_the_path(service, says):
    """Whatever is in it."""
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
    """Said as such, not as a KeyError."""
    with pytest.raises(UnexpectedResponse, match="expected"):
        getattr(says(document), ask)()


def test_an_answer_that_is_no_json_is_an_unexpected_response(service):
    """A login page."""
    service.answer = lambda _: httpx.Response(200, content=b"<html>", headers={"Content-Type": "application/json"})
    with pytest.raises(UnexpectedResponse, match="expected JSON"):
        Denoiser(transport=service.transport).limits()

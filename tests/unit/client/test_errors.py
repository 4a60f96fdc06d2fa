"""The error class of each problem, found by its type or its status."""

import inspect
import pickle

import pytest
from httpx import Response

import biasfree_client
from biasfree_client import BiasfreeError, Denoiser, ProblemError, Retries, _errors
from service.http import problems


def raised(service):
    """Return the error that a call to the fake service raises."""
    with pytest.raises(ProblemError) as caught:
        Denoiser(transport=service.transport, retries=Retries(tries=1)).denoise(b"")
    return caught.value


def test_error_carries_the_problem(service):
    """Every member of the document can be read, including the numbers."""
    service.refuse(413, "/problems/image-too-large", request_id="r-2", limit=100, actual=250)

    error = raised(service)

    assert type(error) is biasfree_client.ImageTooLarge
    assert (error.status, error.title, error.detail, error.request_id) == (413, "A title", "A detail.", "r-2")
    assert (error.document["limit"], error.document["actual"]) == (100, 250)
    assert error.retry_after_s == 3
    assert str(error) == "413 A title: A detail. (request r-2)"


@pytest.mark.parametrize("name", _errors.BY_TYPE)
@pytest.mark.parametrize("prefix", ["", "/problems/", "http://h/problems#", "urn:biasfree:problem:"])
def test_type_decides_the_class(service, name, prefix):
    """The last segment of a type determines the class, whatever precedes it."""
    service.refuse(499, prefix + name)

    assert type(raised(service)) is _errors.BY_TYPE[name]


def test_every_problem_of_the_service_has_a_class():
    """Every problem type in the service's own list has a class that fits its status."""
    kinds = [*problems.KINDS.values(), problems.INTERNAL, *problems.ROUTER.values()]

    for kind in kinds:
        known = _errors.BY_TYPE[kind.type.rpartition(":")[2]]
        assert issubclass(known, _errors.BY_STATUS.get(kind.status, biasfree_client.ServerFailed))


@pytest.mark.parametrize("status", [*_errors.BY_STATUS, 500, 502])
def test_status_decides_for_an_unknown_type(service, status):
    """A problem type of a newer service gets the class of its status."""
    service.refuse(status, "/problems/of-the-future")

    assert type(raised(service)) is _errors.BY_STATUS.get(status, biasfree_client.ServerFailed)


@pytest.mark.parametrize("content", [b"<html>Bad gateway", b"[]", b"{", b'{"title": 3}'])
def test_answer_without_a_problem_document_is_still_a_problem(service, content):
    """A proxy's error page becomes an error with its status and request id."""
    headers = {"Content-Type": "application/problem+json", "X-Request-Id": "r-3"}
    service.answer = lambda _: Response(502, content=content, headers=headers)

    error = raised(service)

    assert type(error) is biasfree_client.ServerFailed
    assert str(error) == "502 Bad Gateway (request r-3)"


def test_errors_survive_pickling(service):
    """An error raised in a worker process arrives complete."""
    service.refuse(429, "/problems/queue-full")
    error = raised(service)

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is biasfree_client.QueueFull
    assert copy.problem == error.problem


def test_every_error_is_exported_and_in_the_tree():
    """``except BiasfreeError`` catches every error, and each has a public name."""
    defined = {name for name, value in vars(_errors).items() if inspect.isclass(value) and issubclass(value, Exception)}

    assert defined <= set(biasfree_client.__all__)
    assert all(issubclass(getattr(_errors, name), BiasfreeError) for name in defined)

"""Both clients: what they send and return, and that they behave the same."""

import asyncio
import inspect

import httpx
import numpy as np
import pytest

from biasfree_client import (
    AsyncDenoiser,
    ConnectionFailed,
    Denoised,
    Denoiser,
    InvalidSetting,
    Retries,
    TimedOut,
    UnknownModel,
)

PNG = b"\x89PNG\r\n\x1a\n an image"
DTYPES = ["uint8", "uint16", "int16", "float32", "float64", ">u2", ">f4", "float16"]
SHAPES = [(1, 1), (5, 7), (5, 7, 3), (2, 5, 7)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_array_comes_back_with_its_dtype_and_shape(service, dtype, shape):
    """An array travels as NPY in both directions, without loss."""
    noisy = np.arange(np.prod(shape)).reshape(shape).astype(dtype)

    with Denoiser(transport=service.transport) as denoiser:
        result = denoiser.denoise(noisy)

    assert (result.array.dtype, result.array.shape) == (noisy.dtype, noisy.shape)
    np.testing.assert_array_equal(result.array, noisy)
    assert service.requests[0].headers["Content-Type"] == "application/x-npy"
    assert service.requests[0].url.params["format"] == "npy"


def test_transposed_array_comes_back_as_it_was(service):
    """The memory order of an array does not matter."""
    noisy = np.arange(15.0).reshape(3, 5).T[::-1]

    with Denoiser(transport=service.transport) as denoiser:
        np.testing.assert_array_equal(denoiser.denoise(noisy).array, noisy)


def test_parameters_are_sent_by_their_documented_names(service):
    """Every option becomes one query parameter of POST /v1/denoise."""
    with Denoiser(transport=service.transport) as denoiser:
        denoiser.denoise(
            PNG,
            strength=0.5,
            chroma_strength=0.75,
            model="color",
            estimate=True,
            format="tiff",
            output="residual",
            color="rgb",
            bit_depth=12,
        )

    request = service.requests[0]
    assert (request.method, request.url.path) == ("POST", "/v1/denoise")
    assert dict(request.url.params) == {
        "strength": "0.5",
        "chroma_strength": "0.75",
        "model": "color",
        "estimate": "true",
        "format": "tiff",
        "output": "residual",
        "color": "rgb",
        "bit_depth": "12",
    }


@pytest.mark.parametrize("client", [Denoiser, AsyncDenoiser])
@pytest.mark.parametrize("method", ["denoise", "analyze", "figure"])
def test_an_unknown_option_is_a_type_error(service, client, method):
    """The call itself raises it, before anything is read or sent, in the asynchronous client too."""
    with pytest.raises(TypeError, match=f"{method}.* unexpected keyword argument 'strenght'"):
        getattr(client(transport=service.transport), method)(PNG, strenght=0.5)
    assert service.requests == []


def test_an_unknown_option_of_map_is_a_type_error(service):
    """It is not an error of one image, so ``return_errors`` does not catch it."""
    results = Denoiser(transport=service.transport).map([PNG], return_errors=True, strenght=0.5)
    with pytest.raises(TypeError, match="strenght"):
        next(results)


def test_file_is_sent_as_it_is(service, tmp_path):
    """The bytes of a file are sent unchanged, and the service chooses the format of the answer."""
    content = b"\xff\xd8\xff\xe0 a photograph"
    (tmp_path / "misnamed.png").write_bytes(content)

    with Denoiser(transport=service.transport) as denoiser:
        denoiser.denoise(tmp_path / "misnamed.png")
        denoiser.denoise(str(tmp_path / "misnamed.png"))

    for request in service.requests:
        assert request.content == content
        assert request.headers["Content-Type"] == "image/jpeg"
        assert "format" not in request.url.params


def test_both_clients_send_the_same_request(service):
    """The asynchronous client sends the same bytes and headers."""
    noisy = np.eye(3, dtype=np.float32)

    async def denoise() -> Denoised:
        async with AsyncDenoiser("http://h", api_key="k", transport=service.transport) as denoiser:
            return await denoiser.denoise(noisy, strength=0.25, estimate=True)

    theirs = asyncio.run(denoise())
    with Denoiser("http://h", api_key="k", transport=service.transport) as denoiser:
        ours = denoiser.denoise(noisy, strength=0.25, estimate=True)

    first, second = service.requests
    assert (first.url, first.content) == (second.url, second.content)
    assert dict(first.headers) == dict(second.headers)
    assert ours == theirs


def test_async_errors_come_when_awaited(service):
    """A missing file fails its own task, not the code that starts the tasks."""

    async def denoise() -> list[object]:
        async with AsyncDenoiser(transport=service.transport) as denoiser:
            calls = [denoiser.denoise(image) for image in ("missing.png", PNG)]
            assert all(map(inspect.isawaitable, calls))
            return await asyncio.gather(*calls, return_exceptions=True)

    missing, result = asyncio.run(denoise())
    assert isinstance(missing, FileNotFoundError)
    assert result.content == PNG


def test_path_of_the_address_is_kept(service):
    """A service behind a path prefix can be reached."""
    with Denoiser("http://gateway/biasfree/", transport=service.transport) as denoiser:
        denoiser.denoise(PNG)

    assert str(service.requests[0].url) == "http://gateway/biasfree/v1/denoise?strength=1.0"


def test_address_and_key_come_from_the_environment(service, monkeypatch):
    """BIASFREE_URL and BIASFREE_API_KEY replace arguments that are not given."""
    monkeypatch.setenv("BIASFREE_URL", "http://somewhere:9")
    monkeypatch.setenv("BIASFREE_API_KEY", "from-environment")

    Denoiser(transport=service.transport).denoise(PNG)
    Denoiser("http://elsewhere", api_key="given", transport=service.transport).denoise(PNG)

    from_environment, given = service.requests
    assert from_environment.url.host == "somewhere"
    assert from_environment.headers["Authorization"] == "Bearer from-environment"
    assert given.url.host == "elsewhere"
    assert given.headers["Authorization"] == "Bearer given"


@pytest.mark.parametrize(("timeout", "read", "connect"), [(5, 5, 5), (60.0, 60.0, 10.0), (None, None, 10.0)])
def test_timeout_bounds_the_wait_for_the_answer(service, timeout, read, connect):
    """The timeout applies to the answer; connecting takes at most 10 s of it."""
    Denoiser(timeout=timeout, transport=service.transport).denoise(PNG)

    sent = service.requests[0].extensions["timeout"]
    assert (sent["read"], sent["connect"]) == (read, connect)


def test_no_key_sends_no_authorization(service):
    """Without a key there is no Authorization header."""
    Denoiser(transport=service.transport).denoise(PNG)

    assert "Authorization" not in service.requests[0].headers
    assert service.requests[0].url.host == "127.0.0.1"


@pytest.mark.parametrize("url", ["localhost:8000", "127.0.0.1", "ftp://h", "http://", "http://h:port"])
@pytest.mark.parametrize("client", [Denoiser, AsyncDenoiser])
def test_an_invalid_address_is_refused_at_once(client, url):
    """An invalid address raises an error when the client is created."""
    with pytest.raises(InvalidSetting, match="Invalid service address"):
        client(url)


def test_an_invalid_key_is_refused_at_once():
    """An invalid key raises an error, which does not show the key."""
    with pytest.raises(InvalidSetting) as caught:
        Denoiser(api_key="secret\nkey")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\r\n"])
def test_a_key_from_a_file_may_end_in_a_blank(service, monkeypatch, blank):
    """The blank is not sent: the HTTP library would refuse the header and print the key."""
    monkeypatch.setenv("BIASFREE_API_KEY", f"from-a-file{blank}")
    Denoiser(transport=service.transport).denoise(PNG)
    assert service.requests[0].headers["Authorization"] == "Bearer from-a-file"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timeout": 0}, "timeout must be seconds above 0"),
        ({"timeout": -1}, "timeout must be seconds above 0"),
        ({"timeout": "5"}, "timeout must be seconds above 0"),
        ({"timeout": float("nan")}, "timeout must be seconds above 0"),
        ({"retries": 3}, r"retries must be a policy such as Retries\(tries=3\)"),
        ({"retries": None}, r"retries must be a policy such as Retries\(tries=3\)"),
    ],
)
@pytest.mark.parametrize("client", [Denoiser, AsyncDenoiser])
def test_an_invalid_option_is_refused_at_once(client, options, words):
    """Not at the first call, or at the first failure."""
    with pytest.raises(InvalidSetting, match=words):
        client(**options)
    with pytest.raises(InvalidSetting, match=words):
        client().with_options(**options)


def test_a_policy_tries_at_least_once():
    """No try at all would be no call."""
    with pytest.raises(InvalidSetting, match="at least 1, not 0"):
        Retries(tries=0)


def test_kind_of_the_image_is_that_of_the_result(service, tmp_path):
    """Bytes and paths return bytes, a file returns a file, and an array returns an array."""
    (tmp_path / "a.png").write_bytes(PNG)
    denoiser = Denoiser(transport=service.transport)
    assert denoiser.denoise(PNG).image == denoiser.denoise(tmp_path / "a.png").image == PNG
    with (tmp_path / "a.png").open("rb") as file:
        assert denoiser.denoise(file).image.read() == PNG
    np.testing.assert_array_equal(denoiser.denoise(np.eye(3)).image, np.eye(3))


def test_raw_response_is_given_and_a_refusal_raised(service):
    """``raw`` returns responses from both clients, and raises the service's errors."""

    async def denoise() -> httpx.Response:
        async with AsyncDenoiser(transport=service.transport) as denoiser:
            return await denoiser.raw.denoise(PNG)

    denoiser = Denoiser(transport=service.transport)
    assert denoiser.raw.denoise(PNG).headers["X-Request-Id"] == "r-1"
    assert asyncio.run(denoise()).content == PNG
    service.refuse(404, "urn:biasfree:problem:unknown-model")
    with pytest.raises(UnknownModel):
        denoiser.raw.denoise(PNG)


def test_refusal_is_raised_as_its_problem(service):
    """A problem document becomes the exception of its type."""
    service.refuse(404, "/problems/unknown-model", supported=["gray"])

    with pytest.raises(UnknownModel, match="404 A title: A detail"):
        Denoiser(transport=service.transport).denoise(PNG, model="grey")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused"), ConnectionFailed),
        (httpx.RemoteProtocolError("peer closed connection"), ConnectionFailed),
        (httpx.ReadTimeout("timed out"), TimedOut),
        (httpx.ConnectTimeout("timed out"), TimedOut),
    ],
)
def test_errors_of_the_wire_are_translated(service, raised, expected):
    """The HTTP library's exceptions become this package's, which keep them as causes."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    service.answer = fail
    with pytest.raises(expected, match=r"http://127\.0\.0\.1:8000") as caught:
        Denoiser(transport=service.transport, retries=Retries(tries=1)).denoise(PNG)
    assert caught.value.__cause__ is raised

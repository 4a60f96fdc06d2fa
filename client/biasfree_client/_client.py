"""The clients: one description of the methods, two ways of waiting."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, Self, TypeVar

import httpx

from biasfree_client._call import AnswerT, Call, denoise_call
from biasfree_client._denoised import Denoised
from biasfree_client._errors import wire_errors
from biasfree_client._image import ImageLike
from biasfree_client._version import __version__

#: What ``denoise`` gives: a ``Denoised``, or a coroutine of one.
DenoisedT = TypeVar("DenoisedT")

DEFAULT_URL = "http://127.0.0.1:8000"
#: A little more than the service's own deadline of 300 s, so that it is the service that says what took so long.
DEFAULT_TIMEOUT_S = 310.0
#: A host that is there accepts a connection at once; one that is not should be told apart from one that works.
CONNECT_TIMEOUT_S = 10.0


class _Methods(ABC, Generic[DenoisedT]):
    """What can be asked of the service, written once for both clients."""

    @abstractmethod
    def _run(self, build: Callable[[], Call[Any]]) -> Any:
        """Build a call, send it, read its answer. Building is part of it, so that its errors can be awaited too."""

    def denoise(
        self,
        image: ImageLike,
        *,
        strength: float = 1.0,
        model: str | None = None,
        estimate: bool = False,
        format: str | None = None,
        output: str | None = None,
        color: str | None = None,
        bit_depth: int | None = None,
    ) -> DenoisedT:
        """Remove the noise from an image, whatever its level.

        Args:
            image: A path, the bytes of an image file, or an array (H, W), (H, W, 3) or (Z, H, W) of 8- or 16-bit
                integers or floats of any range; there is nothing to scale. Arrays travel as NPY, without loss.
            strength: Blend of input (0) and denoised image (1).
            model: Name of the model; by default the service chooses by the image's channels.
            estimate: Ask for estimates of the noise level and of the result's PSNR.
            format: ``png``, ``jpeg``, ``webp``, ``tiff`` or ``npy``; by default that of the image.
            output: ``image``, or ``residual`` for what was removed.
            color: ``auto``, ``gray`` or ``rgb``.
            bit_depth: Bits of a sample that are in use, where fewer than the type has.

        Returns:
            The result: ``array`` for arrays, ``content`` and ``save`` for files.

        Raises:
            UnsupportedImage: The image is of no kind that can be sent.
            ProblemError: The service refused, or failed.
            ConnectionFailed: No answer came back; ``TimedOut`` where it took too long.
            UnexpectedResponse: Whoever answered is not the service.
            OSError: The file cannot be read.
        """
        result: DenoisedT = self._run(
            partial(
                denoise_call,
                image,
                strength=strength,
                model=model,
                estimate=estimate,
                format=format,
                output=output,
                color=color,
                bit_depth=bit_depth,
            )
        )
        return result


class Denoiser(_Methods[Denoised]):
    """A client of the denoising service.

    Args:
        url: Address of the service; by default ``BIASFREE_URL``, else this machine's port 8000.
        api_key: Key, where the service asks for one; by default ``BIASFREE_API_KEY``.
        timeout: Seconds to wait for each next piece of the answer, None for ever; for the connection at most 10.
        transport: What carries the requests, instead of the network: an httpx transport.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(**_connection(url, api_key, timeout), transport=transport)

    def _run(self, build: Callable[[], Call[AnswerT]]) -> AnswerT:
        call = build()
        request = _request(self._http, call)
        with wire_errors(request.url):
            response = self._http.send(request)
        return call.read(response)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncDenoiser(_Methods[Coroutine[Any, Any, Denoised]]):
    """``Denoiser`` for asynchronous code: the same methods, to be awaited.

    Args:
        url: Address of the service; by default ``BIASFREE_URL``, else this machine's port 8000.
        api_key: Key, where the service asks for one; by default ``BIASFREE_API_KEY``.
        timeout: Seconds to wait for each next piece of the answer, None for ever; for the connection at most 10.
        transport: What carries the requests, instead of the network: an asynchronous httpx transport.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**_connection(url, api_key, timeout), transport=transport)

    async def _run(self, build: Callable[[], Call[AnswerT]]) -> AnswerT:
        call = build()
        request = _request(self._http, call)
        with wire_errors(request.url):
            response = await self._http.send(request)
        return call.read(response)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _connection(url: str | None, api_key: str | None, timeout: float | None) -> dict[str, Any]:
    """Arguments of either httpx client, from the caller's and the environment."""
    key = api_key or os.environ.get("BIASFREE_API_KEY")
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    return {
        "base_url": url or os.environ.get("BIASFREE_URL") or DEFAULT_URL,
        "headers": {"User-Agent": f"biasfree-client/{__version__}", **authorization},
        "timeout": httpx.Timeout(timeout, connect=min(CONNECT_TIMEOUT_S, timeout or CONNECT_TIMEOUT_S)),
    }


def _request(http: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
    return http.build_request(
        "POST",
        call.path,
        params=dict(call.parameters),
        headers={**call.headers, "Content-Type": call.body.media_type},
        content=call.body.content,
    )

"""The clients: the methods are written once, here is how each of them waits."""

from __future__ import annotations

import copy
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, Unpack, overload

from biasfree_client._analysis import Analysis
from biasfree_client._call import AnswerT, Call, raw
from biasfree_client._connection import DEFAULT_TIMEOUT_S, Options, connection
from biasfree_client._denoised import Denoised
from biasfree_client._errors import BiasfreeError
from biasfree_client._facts import Limits, ModelCard, ModelSummary, Readiness
from biasfree_client._image import ImageLike
from biasfree_client._methods import DenoiseOptions, Methods
from biasfree_client._retry import DEFAULT_RETRIES, Retries
from biasfree_client._window import in_tasks, in_threads
from biasfree_client._wire import wire_errors

# httpx is imported where a client is made, for it loads rich where that is installed: as it is for the command line.
if TYPE_CHECKING:
    import httpx

    R: TypeAlias = httpx.Response
    Later: TypeAlias = Coroutine[Any, Any, AnswerT]
    RawMethods: TypeAlias = Methods[R, R, R, R, R, R, R]
    AsyncRawMethods: TypeAlias = Methods[Later[R], Later[R], Later[R], Later[R], Later[R], Later[R], Later[R]]

#: What ``map`` gives in place of a result, where it was asked to: what can go wrong with one image.
ImageError: TypeAlias = BiasfreeError | OSError


class _Configured:
    """The options of a client, which may differ over the same connections."""

    _options: Options

    def with_options(
        self, *, timeout: float | EllipsisType | None = ..., retries: Retries | EllipsisType = ...
    ) -> Self:
        """The same client with other options, over the same connections: closing either closes both.

        Args:
            timeout: As for the class.
            retries: As for the class.
        """
        options = self._options
        if not isinstance(timeout, EllipsisType):
            options = replace(options, timeout_s=timeout)
        if not isinstance(retries, EllipsisType):
            options = replace(options, retries=retries)
        other = copy.copy(self)
        other._options = options
        return other


class _Raw(Methods[Any, Any, Any, Any, Any, Any, Any]):
    """The same methods, whose answers are given as they came."""

    def __init__(self, run: Callable[[Callable[[], Call[Any]]], Any]) -> None:
        self._send = run

    def _run(self, build: Callable[[], Call[Any]]) -> Any:
        return self._send(lambda: raw(build()))


class Denoiser(_Configured, Methods[Denoised, Analysis, bytes, list[ModelSummary], ModelCard, Limits, Readiness]):
    """A client of the denoising service. It may be shared by threads.

    Args:
        url: Address of the service; by default ``BIASFREE_URL``, else this machine's port 8000.
        api_key: Key, sent as ``Authorization: Bearer``; by default ``BIASFREE_API_KEY``.
        timeout: Seconds to wait for each next piece of the answer, None for ever; for the connection at most 10.
        retries: When a call is repeated; ``Retries(tries=1)`` for never.
        transport: What carries the requests, instead of the network: an httpx transport.
        sleep: What waits between two tries, given seconds.

    Raises:
        InvalidSetting: The address or the key cannot be one.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        retries: Retries = DEFAULT_RETRIES,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx

        self._http = httpx.Client(**connection(url, api_key), transport=transport)
        self._options = Options(timeout, retries)
        self._sleep = sleep

    @property
    def raw(self) -> RawMethods:
        """The same methods, giving httpx responses; what the service refuses is raised all the same."""
        return _Raw(self._run)

    @overload
    def map(
        self,
        images: Iterable[ImageLike],
        *,
        concurrency: int = 4,
        return_errors: Literal[False] = False,
        **options: Unpack[DenoiseOptions],
    ) -> Iterator[Denoised]: ...

    @overload
    def map(
        self,
        images: Iterable[ImageLike],
        *,
        concurrency: int = 4,
        return_errors: Literal[True],
        **options: Unpack[DenoiseOptions],
    ) -> Iterator[Denoised | ImageError]: ...

    def map(
        self,
        images: Iterable[ImageLike],
        *,
        concurrency: int = 4,
        return_errors: bool = False,
        **options: Unpack[DenoiseOptions],
    ) -> Iterator[Any]:
        """Denoise many images, some of them at once, and give the results in their order as they come.

        Args:
            images: As for ``denoise``; taken one by one, a little ahead of the results.
            concurrency: How many requests are under way at once.
            return_errors: Give an error in the place of its result and go on, instead of raising the first.
            options: As for ``denoise``.
        """

        def one(image: ImageLike) -> Denoised | ImageError:
            try:
                return self.denoise(image, **options)
            except (BiasfreeError, OSError) as error:
                if not return_errors:
                    raise
                return error

        return in_threads(one, images, concurrency=concurrency)

    def _run(self, build: Callable[[], Call[AnswerT]]) -> AnswerT:
        call, tried = build(), 0
        while True:
            tried += 1
            try:
                request = call.request(self._http, self._options.timeout)
                with wire_errors(request.url):
                    response = self._http.send(request)
                return call.read(response)
            except BiasfreeError as error:
                pause_s = self._options.retries.pause_s(error, tried=tried)
                if pause_s is None:
                    raise
            self._sleep(pause_s)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncDenoiser(
    _Configured,
    Methods[
        "Later[Denoised]",
        "Later[Analysis]",
        "Later[bytes]",
        "Later[list[ModelSummary]]",
        "Later[ModelCard]",
        "Later[Limits]",
        "Later[Readiness]",
    ],
):
    """``Denoiser`` for asyncio: the same methods, to be awaited.

    Args:
        url: Address of the service; by default ``BIASFREE_URL``, else this machine's port 8000.
        api_key: Key, sent as ``Authorization: Bearer``; by default ``BIASFREE_API_KEY``.
        timeout: Seconds to wait for each next piece of the answer, None for ever; for the connection at most 10.
        retries: When a call is repeated; ``Retries(tries=1)`` for never.
        transport: What carries the requests, instead of the network: an asynchronous httpx transport.
        sleep: What waits between two tries, given seconds; ``asyncio.sleep`` by default.

    Raises:
        InvalidSetting: The address or the key cannot be one.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        retries: Retries = DEFAULT_RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        import httpx

        self._http = httpx.AsyncClient(**connection(url, api_key), transport=transport)
        self._options = Options(timeout, retries)
        self._sleep = sleep or _asyncio_sleep

    @property
    def raw(self) -> AsyncRawMethods:
        """The same methods, giving httpx responses; what the service refuses is raised all the same."""
        return _Raw(self._run)

    @overload
    def map(
        self,
        images: Iterable[ImageLike],
        *,
        concurrency: int = 4,
        return_errors: Literal[False] = False,
        **options: Unpack[DenoiseOptions],
    ) -> AsyncIterator[Denoised]: ...

    @overload
    def map(
        self,
        images: Iterable[ImageLike],
        *,
        concurrency: int = 4,
        return_errors: Literal[True],
        **options: Unpack[DenoiseOptions],
    ) -> AsyncIterator[Denoised | ImageError]: ...

    def map(
        self,
        images: Iterable[ImageLike],
        *,
        concurrency: int = 4,
        return_errors: bool = False,
        **options: Unpack[DenoiseOptions],
    ) -> AsyncIterator[Any]:
        """``Denoiser.map``, for ``async for``."""

        async def one(image: ImageLike) -> Denoised | ImageError:
            try:
                return await self.denoise(image, **options)
            except (BiasfreeError, OSError) as error:
                if not return_errors:
                    raise
                return error

        return in_tasks(one, images, concurrency=concurrency)

    async def _run(self, build: Callable[[], Call[AnswerT]]) -> AnswerT:
        import asyncio

        # Files are read and arrays are packed beside the loop.
        call, tried = await asyncio.to_thread(build), 0
        while True:
            tried += 1
            try:
                request = call.request(self._http, self._options.timeout)
                with wire_errors(request.url):
                    response = await self._http.send(request)
                return call.read(response)
            except BiasfreeError as error:
                pause_s = self._options.retries.pause_s(error, tried=tried)
                if pause_s is None:
                    raise
            await self._sleep(pause_s)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _asyncio_sleep(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(seconds)

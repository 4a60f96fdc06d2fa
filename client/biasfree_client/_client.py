"""The synchronous and the asynchronous client, which share their methods and differ in how they wait."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from functools import partial
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, Unpack, overload

from biasfree_client._analysis import Analysis
from biasfree_client._call import AnswerT, Call, progress_call, raw
from biasfree_client._connection import DEFAULT_TIMEOUT_S, Connections, Options, connection, wire_errors
from biasfree_client._denoised import Denoised
from biasfree_client._errors import BiasfreeError
from biasfree_client._facts import Limits, ModelCard, ModelSummary, Readiness
from biasfree_client._image import ImageLike
from biasfree_client._methods import Methods
from biasfree_client._options import DenoiseOptions
from biasfree_client._progress import TIMEOUT_S as POLL_TIMEOUT_S
from biasfree_client._progress import OnProgress, Poll, Progress, polling
from biasfree_client._retry import DEFAULT_RETRIES, Retries
from biasfree_client._window import in_tasks, in_threads

# httpx is imported when a client is created: it loads rich if that is installed, as it is with the command line.
if TYPE_CHECKING:
    import httpx

    R: TypeAlias = httpx.Response
    Later: TypeAlias = Coroutine[Any, Any, AnswerT]
    RawMethods: TypeAlias = Methods[R, R, R, R, R, R, R]
    AsyncRawMethods: TypeAlias = Methods[Later[R], Later[R], Later[R], Later[R], Later[R], Later[R], Later[R]]

#: Errors of a single image, which ``map`` can return in place of its result.
ImageError: TypeAlias = BiasfreeError | OSError


class _Configured:
    """A client's options, which copies of it may change while sharing its connections."""

    _options: Options

    def with_options(
        self, *, timeout: float | EllipsisType | None = ..., retries: Retries | EllipsisType = ...
    ) -> Self:
        """Return a client with other options over the same connections; closing either closes both.

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
    """The same methods, returning unread responses."""

    def __init__(self, run: Callable[[Callable[[], Call[Any]], OnProgress | None], Any]) -> None:
        self._send = run

    def _run(self, build: Callable[[], Call[Any]], progress: OnProgress | None = None) -> Any:
        return self._send(lambda: raw(build()), progress)


class Denoiser(_Configured, Methods[Denoised, Analysis, bytes, list[ModelSummary], ModelCard, Limits, Readiness]):
    """A client of the denoising service. Threads may share it; a forked process gets connections of its own.

    Args:
        url: Address of the service. Defaults to ``BIASFREE_URL``, then to port 8000 on this machine.
        api_key: API key, sent as ``Authorization: Bearer``. Defaults to ``BIASFREE_API_KEY``.
        timeout: Seconds to wait for each next piece of the answer, None for no limit; at most 10 to connect.
        retries: The retry policy; ``Retries(tries=1)`` to never repeat a call.
        transport: An httpx transport to use instead of the network.
        sleep: Function that waits between two tries, for the given seconds.

    Raises:
        InvalidSetting: The address, the key, the timeout or the retry policy is invalid.
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

        self._connections = Connections(httpx.Client, connection(url, api_key), transport)
        self._options = Options(timeout, retries)
        self._sleep = sleep

    @property
    def raw(self) -> RawMethods:
        """Return the same methods, but with httpx responses as results; the service's errors are still raised."""
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
        """Denoise many images concurrently, and yield the results in the order of the images.

        Args:
            images: Images as for ``denoise``; taken one by one, slightly ahead of the results.
            concurrency: Most requests at a time.
            return_errors: Yield an error in place of its result and continue, instead of raising the first one.
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

    def _run(self, build: Callable[[], Call[AnswerT]], progress: OnProgress | None = None) -> AnswerT:
        call = build()
        if progress is None:
            return self._tried(call)
        request_id, http = uuid.uuid4().hex, self._connections.here
        with Poll(partial(self._ask, http, progress_call(request_id)), progress).running():
            return self._tried(replace(call, request_id=request_id))

    @staticmethod
    def _ask(http: httpx.Client, call: Call[Progress]) -> Progress:
        request = call.request(http, Options(POLL_TIMEOUT_S).timeout)
        with wire_errors(request.url):
            response = http.send(request)
        return call.read(response)

    def _tried(self, call: Call[AnswerT]) -> AnswerT:
        tried = 0
        while True:
            tried += 1
            try:
                http = self._connections.here
                request = call.request(http, self._options.timeout)
                with wire_errors(request.url):
                    response = http.send(request)
                return call.read(response)
            except BiasfreeError as error:
                pause_s = self._options.retries.pause_s(error, tried=tried)
                if pause_s is None:
                    raise
            self._sleep(pause_s)

    def close(self) -> None:
        """Close the connections."""
        self._connections.here.close()

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
        url: Address of the service. Defaults to ``BIASFREE_URL``, then to port 8000 on this machine.
        api_key: API key, sent as ``Authorization: Bearer``. Defaults to ``BIASFREE_API_KEY``.
        timeout: Seconds to wait for each next piece of the answer, None for no limit; at most 10 to connect.
        retries: The retry policy; ``Retries(tries=1)`` to never repeat a call.
        transport: An asynchronous httpx transport to use instead of the network.
        sleep: Coroutine function that waits between two tries, for the given seconds. Defaults to ``asyncio.sleep``.

    Raises:
        InvalidSetting: The address, the key, the timeout or the retry policy is invalid.
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

        self._connections = Connections(httpx.AsyncClient, connection(url, api_key), transport)
        self._options = Options(timeout, retries)
        self._sleep = sleep or _asyncio_sleep

    @property
    def raw(self) -> AsyncRawMethods:
        """Return the same methods, but with httpx responses as results; the service's errors are still raised."""
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
        """Denoise many images concurrently, as ``Denoiser.map`` does, for ``async for``."""

        async def one(image: ImageLike) -> Denoised | ImageError:
            try:
                return await self.denoise(image, **options)
            except (BiasfreeError, OSError) as error:
                if not return_errors:
                    raise
                return error

        return in_tasks(one, images, concurrency=concurrency)

    async def _run(self, build: Callable[[], Call[AnswerT]], progress: OnProgress | None = None) -> AnswerT:
        import asyncio

        # In a thread, because building reads files and packs arrays.
        call = await asyncio.to_thread(build)
        if progress is None:
            return await self._tried(call)
        request_id, http = uuid.uuid4().hex, self._connections.here
        with polling(partial(self._ask, http, progress_call(request_id)), progress):
            return await self._tried(replace(call, request_id=request_id))

    @staticmethod
    async def _ask(http: httpx.AsyncClient, call: Call[Progress]) -> Progress:
        request = call.request(http, Options(POLL_TIMEOUT_S).timeout)
        with wire_errors(request.url):
            response = await http.send(request)
        return call.read(response)

    async def _tried(self, call: Call[AnswerT]) -> AnswerT:
        tried = 0
        while True:
            tried += 1
            try:
                http = self._connections.here
                request = call.request(http, self._options.timeout)
                with wire_errors(request.url):
                    response = await http.send(request)
                return call.read(response)
            except BiasfreeError as error:
                pause_s = self._options.retries.pause_s(error, tried=tried)
                if pause_s is None:
                    raise
            await self._sleep(pause_s)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.here.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _asyncio_sleep(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(seconds)

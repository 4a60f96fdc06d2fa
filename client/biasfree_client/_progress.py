"""The progress of a call: the service is asked for it by the request's id, while the call waits for its answer."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from biasfree_client._errors import BiasfreeError, UnexpectedResponse
from biasfree_client._response import expect_success

if TYPE_CHECKING:
    import asyncio

    import httpx

#: Seconds between two questions, and to wait for an answer.
EVERY_S, TIMEOUT_S = 0.5, 5.0


@dataclass(frozen=True)
class Progress:
    """How far the service is with a request.

    Args:
        state: ``waiting`` in the queue, or ``running``.
        place: Place in the queue, counted from 1; None if it is running.
        tiles_done: Tiles of the image that are denoised.
        tiles_total: Tiles of the image; None if not known yet.
        seconds_left: Predicted seconds until the answer; None if not known.
    """

    state: Literal["waiting", "running"]
    place: int | None = None
    tiles_done: int | None = None
    tiles_total: int | None = None
    seconds_left: float | None = None

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", about {self.seconds_left:.0f} s left"
        if self.state == "waiting":
            return f"waiting{'' if self.place is None else f', place {self.place}'}{left}"
        return f"tile {self.tiles_done or 0} of {self.tiles_total}{left}" if self.tiles_total else f"running{left}"


OnProgress: TypeAlias = Callable[[Progress], None]


def read_progress(response: httpx.Response) -> Progress:
    """Read the answer to ``GET /requests/{request_id}``.

    Raises:
        ProblemError: The service knows no such request, or not anymore.
        UnexpectedResponse: The answer is not this service's.
    """
    expect_success(response, "application/json")
    try:
        document: Any = response.json()
        names = ("place", "tiles_done", "tiles_total", "seconds_left")
        return Progress(document["state"], **{name: document.get(name) for name in names})
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UnexpectedResponse(f"Unexpected answer: not the progress of a request: {response.text[:80]!r}") from exc


class Poll:
    """Questions in a thread of their own, until the call ends. They never fail the call.

    Args:
        ask: Asks the service.
        tell: Gets the answers; not anymore once the call has ended.
    """

    def __init__(self, ask: Callable[[], Progress], tell: OnProgress) -> None:
        self._ask, self._tell = ask, tell
        self._ended, self._telling = threading.Event(), threading.Lock()

    @contextmanager
    def running(self) -> Generator[None]:
        """Ask while the context lasts."""
        threading.Thread(target=self._run, name="biasfree-progress", daemon=True).start()
        try:
            yield
        finally:
            with self._telling:
                self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                progress = self._ask()
            except BiasfreeError:
                continue
            with self._telling:
                if not self._ended.is_set():
                    self._tell(progress)


async def poll(ask: Callable[[], Awaitable[Progress]], tell: OnProgress) -> None:
    """Ask until cancelled, as ``Poll`` does."""
    import asyncio

    while True:
        await asyncio.sleep(EVERY_S)
        try:
            progress = await ask()
        except BiasfreeError:
            continue
        tell(progress)


@contextmanager
def polling(ask: Callable[[], Awaitable[Progress]], tell: OnProgress) -> Generator[None]:
    """Ask in a task while the context lasts."""
    import asyncio

    task: asyncio.Task[None] = asyncio.create_task(poll(ask, tell))
    try:
        yield
    finally:
        task.cancel()

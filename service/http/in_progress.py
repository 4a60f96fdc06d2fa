"""The requests in progress by their ids, so that clients can ask how far they are."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from service.queue.progress import CURRENT, Progress

#: Path that a request id follows.
PREFIX = "/requests/"


def is_poll(scope: Scope) -> bool:
    """Tell whether a request asks for the progress of another: clients do so every second."""
    path: str = scope.get("path", "")
    return scope["type"] == "http" and scope["method"] == "GET" and path.startswith(PREFIX)


class InProgress:
    """The requests in progress in this process; nothing is kept of a request that has ended."""

    def __init__(self) -> None:
        self._all: dict[tuple[str | None, str], list[Progress]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def find(self, holder: str | None, request_id: str) -> Progress | None:
        """Return the progress of a request that a key's holder sent: the oldest, if several have that id."""
        found = self._all.get((holder, request_id))
        return found[0] if found else None

    @contextmanager
    def following(self, holder: str | None, request_id: str) -> Iterator[None]:
        """Make the current task's progress known while the context lasts."""
        key, progress = (holder, request_id), Progress()
        self._all.setdefault(key, []).append(progress)
        token = CURRENT.set(progress)
        try:
            yield
        finally:
            CURRENT.reset(token)
            self._all[key].remove(progress)
            if not self._all[key]:
                del self._all[key]


class Follow:
    """A middleware that follows the progress of requests for some paths.

    It stands within those that give a request its id and its key's holder.

    Args:
        app: The next ASGI application.
        paths: Paths of the requests to follow.
        in_progress: Where they are found.
    """

    def __init__(self, app: ASGIApp, *, paths: Collection[str], in_progress: InProgress) -> None:
        self._app, self._paths, self._in_progress = app, paths, in_progress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        state = scope.get("state", {})
        with self._in_progress.following(state.get("key_holder"), state.get("request_id", "")):
            await self._app(scope, receive, send)

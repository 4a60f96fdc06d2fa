"""A bound on the request body, refused as a problem document.

FastAPI's ``max_body_size`` answers in plain text, whatever handlers are installed; otherwise this would be it.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLarge


class BodyLimit:
    """Raises ``BodyTooLarge`` to whoever reads a body past the limit; nothing is read if its length is announced.

    Args:
        app: What comes next.
        limit: Bytes.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = _content_length(scope)
        read = 0

        async def bounded() -> Message:
            nonlocal read
            self._refuse_beyond(announced)
            message = await receive()
            read += len(message.get("body", b""))
            self._refuse_beyond(read)
            return message

        await self._app(scope, bounded, send)

    def _refuse_beyond(self, actual: int) -> None:
        if actual > self._limit:
            raise BodyTooLarge(
                f"at most {self._limit} bytes are accepted, got {actual} or more", limit=self._limit, actual=actual
            )


def _content_length(scope: Scope) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0

"""A limit on the size of the request body, with a problem document as the answer.

FastAPI's ``max_body_size`` would do, but it answers in plain text whatever handlers are installed.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLarge


class BodyLimit:
    """A middleware that raises ``BodyTooLarge`` when a body exceeds the limit, at once if its length is announced.

    Args:
        app: The next ASGI application.
        limit: Maximum size in bytes.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
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
                f"the body has {actual} bytes or more; at most {self._limit} are accepted",
                limit=self._limit,
                actual=actual,
            )


def _content_length(scope: Scope) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0

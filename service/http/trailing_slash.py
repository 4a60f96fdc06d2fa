"""A path that ends in a slash is the path without it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlash:
    """Drops a slash at the end of a path.

    A redirect, as the router makes by default, would lose the body of a POST, and would name http and the Host that was
    sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if scope["type"] == "http" and scope["path"].endswith("/") and scope["path"] != "/":
            path = scope["path"].rstrip("/") or "/"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

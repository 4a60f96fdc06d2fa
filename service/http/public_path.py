"""The path of a request, as a proxy publishes it and clients write it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class PublicPath:
    """Sets the path under which a proxy publishes the service, and drops a slash at the end of a request's path.

    A redirect, as the router makes by default, would lose the body of a POST, and would name http and the Host that was
    sent.

    Args:
        app: The next application.
        root_path: For the addresses in the OpenAPI document; the proxy removes it from requests.
    """

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self._app, self._root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if scope["type"] == "http":
            scope = {**scope, "root_path": self._root_path}
            if scope["path"].endswith("/") and scope["path"] != "/":
                path = scope["path"].rstrip("/") or "/"
                scope |= {"path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

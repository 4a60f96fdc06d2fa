"""The public path of the service behind a proxy, and trailing slashes in requests."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

#: Pages whose links are relative: with a slash at its end, their path would be a folder of these.
PAGES = ("/docs",)


class PublicPath:
    """A middleware that sets the path under which a proxy publishes the service, and drops trailing slashes.

    The router's default, a redirect, would lose the body of a POST, and would use http and the Host header sent. Only
    pages are redirected, to a relative address.

    Args:
        app: The next ASGI application.
        root_path: Path for the addresses in the OpenAPI document; the proxy removes it from requests.
    """

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self._app, self._root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""
        if scope["type"] == "http":
            scope = {**scope, "root_path": self._root_path}
            if scope["path"].endswith("/") and scope["path"] != "/":
                path = scope["path"].rstrip("/") or "/"
                if path.removeprefix(self._root_path) in PAGES:
                    up = "../" * (len(scope["path"]) - len(path))
                    await RedirectResponse(up + path.rpartition("/")[2])(scope, receive, send)
                    return
                scope |= {"path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

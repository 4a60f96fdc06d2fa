"""The route ``GET /`` and the files under ``/page``: the web page, plain files that the browser runs as they are."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, RedirectResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parents[1] / "page"

#: The page runs only its own files and connects only to its own service. Results are ``blob:`` URLs, the pictures in an
#: analysis ``data:`` URLs.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Revalidated each time, mostly with 304, so that modules of different releases are never mixed.
    "Cache-Control": "no-cache",
}


class PageFiles(StaticFiles):
    """A folder of files, served with the page's headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, or 304 if the browser has it."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def install(app: FastAPI, *, enabled: bool) -> None:
    """Serve the page; if it is disabled, ``/`` redirects to the documentation.

    Only ``/page`` is a folder of files: mounted at ``/``, it would answer 404 instead of 405 for other paths.
    """
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", _page if enabled else _documentation, methods=["GET", "HEAD"], response_model=None)
    app.include_router(router)
    if enabled:
        app.mount("/page", PageFiles(directory=FOLDER))


async def _page() -> FileResponse:
    return FileResponse(FOLDER / "index.html", headers=HEADERS)


async def _documentation() -> RedirectResponse:
    return RedirectResponse("docs")

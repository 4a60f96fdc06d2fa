"""``GET /`` and what lies under ``/page``: the web page, plain files that the browser runs as they are."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, RedirectResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parents[1] / "page"

#: The page runs its own files alone and talks to its own service alone. Results come as ``blob:``, the pictures inside
#: an analysis as ``data:`` URLs.
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
    # Asked for again each time and mostly answered with 304: a new release is never mixed with an old one's modules.
    "Cache-Control": "no-cache",
}


class PageFiles(StaticFiles):
    """Files with the page's headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304 where the browser has it."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def install(app: FastAPI, *, enabled: bool) -> None:
    """Serve the page; where it is switched off, the documentation is the front door.

    Only ``/page`` is a folder of files: one at ``/`` would answer 404 for a method that another path does not have.
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

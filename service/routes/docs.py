"""The route ``GET /docs``: Swagger UI from our own files, under a policy that allows only what it needs."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from starlette.requests import Request

FOLDER = Path(__file__).parents[1] / "swagger_ui"
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


def install(app: FastAPI) -> None:
    """Add the page and its files to ``app``, which must not have its own ``/docs``."""
    # Relative, so that they are found under any path of a proxy.
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=f"{app.title}: API",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="page/icon.svg",
    )
    html = bytes(page.body).decode()
    headers = {"Content-Security-Policy": _policy(html), "Cache-Control": "no-cache"}

    async def docs() -> HTMLResponse:
        return HTMLResponse(html, headers=headers)

    async def asset(request: Request) -> FileResponse:
        name = request.url.path.rpartition("/")[2]
        return FileResponse(
            FOLDER / f"{name}.gz",
            media_type=ASSETS[name],
            headers={"Content-Encoding": "gzip", "Cache-Control": "no-cache"},
        )

    app.add_api_route("/docs", docs, methods=["GET", "HEAD"], include_in_schema=False)
    for name in ASSETS:
        app.add_api_route(f"/docs/{name}", asset, methods=["GET", "HEAD"], include_in_schema=False)


def _policy(html: str) -> str:
    """Return a policy that allows the one inline script by its hash; Swagger UI's inline styles have none."""
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    ]
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *hashes]),
            "style-src 'self' 'unsafe-inline'",
            # The page shows results as blobs.
            "img-src 'self' blob: data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )

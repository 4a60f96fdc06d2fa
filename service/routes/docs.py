"""The route ``GET /docs``: Swagger UI, under a policy that allows only what it needs."""

import base64
import hashlib
import re

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

#: Sources of Swagger UI and of the icon in FastAPI's page.
SCRIPTS, ICONS = "https://cdn.jsdelivr.net/npm/", "https://fastapi.tiangolo.com/img/"


def install(app: FastAPI) -> None:
    """Add the page to ``app``, which must not have its own ``/docs``."""
    page = get_swagger_ui_html(openapi_url="openapi.json", title=f"{app.title}: API")
    html = bytes(page.body).decode()
    headers = {"Content-Security-Policy": _policy(html), "Cache-Control": "no-cache"}

    async def docs() -> HTMLResponse:
        return HTMLResponse(html, headers=headers)

    app.add_api_route("/docs", docs, methods=["GET", "HEAD"], include_in_schema=False)


def _policy(html: str) -> str:
    """Return a policy that allows the one inline script by its hash; Swagger UI's inline styles have none."""
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    ]
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join([SCRIPTS, *hashes])}",
            f"style-src {SCRIPTS} 'unsafe-inline'",
            # The page shows results as blobs.
            f"img-src 'self' blob: data: {ICONS}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )

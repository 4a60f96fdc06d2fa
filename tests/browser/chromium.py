"""The system's Chromium, driven by Playwright, and what no page of ours may do in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

PATH = shutil.which("chromium") or shutil.which("chromium-browser")

#: Chromium as root, without a display, and silent towards its maker.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: An analysis has the lowest priority: on a busy machine it takes minutes.
TIMEOUT_MS = 300_000

Theme = Literal["light", "dark"]


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, with a fresh profile."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=PATH, args=ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def opened(
    chromium: Browser, url: str, *, theme: Theme = "light", width: int = 1280, height: int = 900
) -> Iterator[Page]:
    """The service's page, ready to use.

    Raises:
        AssertionError: At the end, if the console showed an error, or if anything but this service was asked.
    """
    context = chromium.new_context(color_scheme=theme, viewport={"width": width, "height": height})
    context.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    page = context.new_page()
    complaints = _watched(context, page, url)
    page.goto(url)
    # Filled in when the service has said which models there are.
    page.locator("#model option").nth(1).wait_for(state="attached")
    yield page
    context.close()
    assert complaints == [], complaints


def _watched(context: BrowserContext, page: Page, url: str) -> list[str]:
    """What goes wrong from now on. That a request was refused is written to the console by the browser itself."""
    complaints: list[str] = []
    host = urlsplit(url).netloc

    def console(kind: str, text: str) -> None:
        if kind == "error" and "the server responded with a status of" not in text:
            complaints.append(f"console {kind}: {text}")

    def requested(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"data", "blob"} and parts.netloc != host:
            complaints.append(f"request to {address}")

    page.on("console", lambda message: console(message.type, message.text))
    page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
    context.on("request", lambda request: requested(request.url))
    return complaints

"""The system's Chromium, driven by Playwright, and what no page of ours may do in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, ViewportSize, expect, sync_playwright

#: The shell is Chromium without windows of its own, which cost a quarter of its processor time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
PATH = next(filter(None, map(shutil.which, NAMES)), None)

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
#: A desk's.
SCREEN = ViewportSize(width=1280, height=900)


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, with a fresh profile."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=PATH, args=ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def opened(
    chromium: Browser,
    url: str,
    *,
    theme: Theme = "light",
    width: int = SCREEN["width"],
    height: int = SCREEN["height"],
) -> Iterator[Page]:
    """The service's page in a profile of its own, ready to use and watched."""
    with window(chromium, theme, ViewportSize(width=width, height=height)) as page, watched(page, url):
        load(page, url)
        yield page


@contextmanager
def window(chromium: Browser, theme: Theme = "light", screen: ViewportSize = SCREEN) -> Iterator[Page]:
    """An empty page in a profile of its own."""
    context = chromium.new_context(color_scheme=theme, viewport=screen)
    context.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    yield context.new_page()
    context.close()


def load(page: Page, url: str) -> None:
    """Open the service's page, and wait until the service has said which models there are."""
    page.goto(url)
    page.locator("#model option").nth(1).wait_for(state="attached")


@contextmanager
def watched(page: Page, url: str) -> Iterator[None]:
    """Watch the page for faults. The browser itself writes refused requests to the console, which are none.

    Raises:
        AssertionError: At the end, if the console showed an error, or if anything but this service was asked.
    """
    complaints: list[str] = []
    host = urlsplit(url).netloc

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of" not in message.text:
            complaints.append(f"console error: {message.text}")

    def requested(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != host:
            complaints.append(f"request to {request.url}")

    def uncaught(error: Error) -> None:
        complaints.append(f"uncaught: {error}")

    page.on("console", console)
    page.on("pageerror", uncaught)
    page.context.on("request", requested)
    yield
    page.remove_listener("console", console)
    page.remove_listener("pageerror", uncaught)
    page.context.remove_listener("request", requested)
    assert complaints == [], complaints

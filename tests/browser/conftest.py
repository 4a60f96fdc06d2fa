"""The real Chromium, and the service: with stand-ins for its networks, except where a network is looked into."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium as chromium_module
from tests.browser.chromium import SCREEN, load, opened, watched
from tests.browser.chromium import window as new_window
from tests.servers import running_server


@pytest.fixture(scope="session")
def executable() -> str:
    """Path of the system's Chromium; asked for before anything is started for it."""
    if chromium_module.PATH is None:
        message = "no Chromium here: install your system's package `chromium` to test the page"
        # CI installs it, so there it must not go unnoticed.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return chromium_module.PATH


@pytest.fixture(scope="package")
def chromium(executable: str) -> Iterator[Browser]:
    """One browser for this folder's tests: it holds an event loop, which asynchronous tests cannot share."""
    with chromium_module.browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def stand_in_server(executable: str, stand_ins: Path) -> Iterator[str]:
    """URL of a service whose networks only smooth: the page's own work is the same."""
    with running_server(BIASFREE_MODELS_DIR=str(stand_ins)) as url:
        yield url


@pytest.fixture
def url(stand_in_server: str) -> str:
    """Return the address of the service whose page is opened; a file whose subject is a network gives another."""
    return stand_in_server


@pytest.fixture(scope="package")
def window(chromium: Browser) -> Iterator[Page]:
    """One window for all tests that leave it as it is; to open one costs as much as most tests."""
    with new_window(chromium) as page:
        yield page


@pytest.fixture
def page(window: Page, url: str) -> Iterator[Page]:
    """The page, loaded anew; nothing but the browser's cache is left of the test before."""
    window.set_viewport_size(SCREEN)
    window.emulate_media(color_scheme="light")
    with watched(window, url):
        load(window, url)
        yield window


@pytest.fixture
def own_page(chromium: Browser, url: str) -> Iterator[Page]:
    """The page in a profile of its own, for a test that changes the window, its network or its input."""
    with opened(chromium, url) as page:
        yield page

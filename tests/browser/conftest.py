"""The real service with the shipped weights, and the real Chromium."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium as chromium_module
from tests.browser.chromium import opened


@pytest.fixture(scope="session")
def url(request: pytest.FixtureRequest) -> str:
    """Return the address of a service in its own process, which is not started without Chromium."""
    if chromium_module.PATH is None:
        message = "no Chromium here: install your system's package `chromium` to test the page"
        # CI installs it, so there it must not go unnoticed.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    url: str = request.getfixturevalue("server")
    return url


@pytest.fixture(scope="module")
def chromium(url: str) -> Iterator[Browser]:
    """One browser a module: it holds an event loop, which the asynchronous tests of others could not share."""
    with chromium_module.browser() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    """The page, in a profile of its own."""
    with opened(chromium, url) as page:
        yield page

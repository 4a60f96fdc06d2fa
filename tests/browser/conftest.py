"""The real service with the shipped weights, and the real Chromium."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium as chromium_module
from tests.browser.chromium import opened
from tests.servers import running_server


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """Of the service, as a process of its own."""
    if chromium_module.PATH is None:
        message = "no Chromium here: install your system's package `chromium` to test the page"
        # CI installs it, so there it must not go unnoticed.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with running_server(BIASFREE_ANALYSIS_TIMEOUT_S="300") as url:
        yield url


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

"""Everyone can use the page: axe finds nothing serious, in either theme, on a telephone and on a desk."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from service.routes.page import FOLDER
from tests.browser.steps import await_result, noisy_png, take_sample, upload, view

SCREENS = [(theme, width) for theme in ("light", "dark") for width in (1280, 360)]
HEIGHT = 900


def serious_violations(page):
    """Rules that are broken, and where."""
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


def overflow(page):
    """Pixels by which the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def start(page):
    """Nothing is opened yet."""


def compare(page):
    """A photograph and its estimates."""
    upload(page, noisy_png())
    await_result(page)


def residual_of_sample(page):
    """A clean photograph, measured, and its residual."""
    take_sample(page)
    view(page, "Residual")
    page.get_by_text("Details").click()


def problem(page):
    """A refusal."""
    upload(page, b"not an image")
    expect(page.get_by_role("alert")).to_be_visible()


def assert_nothing_in_the_way(page):
    """No serious or critical violation, and nothing to scroll sideways for, on every screen.

    Theme and width are the style sheets' business alone, so that one page is shown on all screens in turn.
    """
    for theme, width in SCREENS:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": HEIGHT})
        # Colors change within some tenths of a second; half way there is no contrast.
        page.evaluate(
            "Promise.allSettled(document.getAnimations().filter(e => e instanceof CSSTransition).map(e => e.finished))"
        )
        assert serious_violations(page) == [], (theme, width)
        assert overflow(page) <= 0, (theme, width)


@pytest.mark.parametrize("state", [start, compare, residual_of_sample, problem])
def test_nothing_serious_is_in_the_way(page, state):
    """From the start to a refusal; of an analysis it is asserted where one is made."""
    state(page)
    assert_nothing_in_the_way(page)


def test_theme_and_width_are_the_style_sheets_business():
    """What the tests above rely on: no script asks for either."""
    asks = re.compile(r"matchMedia|prefers-color-scheme|innerWidth|addEventListener\(.resize")
    scripts = list((FOLDER / "js").rglob("*.js"))
    assert scripts
    assert [script.name for script in scripts if asks.search(script.read_text())] == []


def test_everything_is_reached_by_the_tab_key(page):
    """From the first link to the code, in the order of the page; nothing traps the focus."""
    upload(page, noisy_png())
    await_result(page)
    reached = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
    wanted = ["view", "another", "wipe", "loupe", "zoom", "strength", "model", "clean", "save-png", "language"]
    places = [reached.index(each) for each in wanted]
    assert places == sorted(places)

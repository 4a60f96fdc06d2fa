"""Pictures of the page for the documents: ``make screenshots`` writes docs/images/page-*.png."""

from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Theme, browser, opened
from tests.browser.steps import inspect, take_sample
from tests.servers import running_server

FOLDER = Path(__file__).parents[2] / "docs" / "images"
COLORS = 256


def main() -> None:
    """In both themes, on a desk and on a telephone."""
    with running_server(BIASFREE_ANALYSIS_TIMEOUT_S="300") as url, browser() as chromium:
        for theme in ("light", "dark"):
            _desk(chromium, url, theme)
            _telephone(chromium, url, theme)


def _desk(chromium: Browser, url: str, theme: Theme) -> None:
    with opened(chromium, url, theme=theme, height=780) as page:
        _shoot(page, f"page-start-{theme}")
        take_sample(page, "Coffee")
        _shoot(page, f"page-compare-{theme}")
    with opened(chromium, url, theme=theme, width=1100) as page:
        take_sample(page)
        inspect(page)
        page.get_by_role("button", name="Measure it").click()
        expect(page.locator("#sweep-plot.sweep-done")).to_be_visible()
        _shoot(page, f"page-inspect-{theme}", part="#analysis")


def _telephone(chromium: Browser, url: str, theme: Theme) -> None:
    with opened(chromium, url, theme=theme, width=360, height=740) as page:
        take_sample(page, "Coffee")
        _shoot(page, f"page-telephone-{theme}", part="body")


def _shoot(page: Page, name: str, *, part: str | None = None) -> None:
    path = FOLDER / f"{name}.png"
    page.mouse.move(0, 0)
    (page.locator(part) if part else page).screenshot(path=path, animations="disabled")
    # Under half of the bytes; dithered, so that smooth places stay smooth.
    full = Image.open(path).convert("RGB")
    full.quantize(palette=full.quantize(COLORS), dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


if __name__ == "__main__":
    main()

"""Where a network is the subject, the shipped ones: Inspect looks into them, and a large image keeps them busy."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.steps import Held, await_result, inspect, noisy_png, posted, saved, upload, view
from tests.browser.test_accessibility import assert_nothing_in_the_way

#: Pixels of a picture in which a patch of 16 has two to each side: 256 values, whose decomposition takes no time.
SMALL = 20


@pytest.fixture
def url(executable, server):
    """Return the address of a service with the shipped networks."""
    return server


@pytest.fixture
def inspected(page):
    """The page with a small photograph in Inspect."""
    upload(page, noisy_png(SMALL))
    await_result(page)
    inspect(page)
    return page


def test_a_patch_is_inspected(inspected, url):
    """Moved by keys and analysed at Enter, with the numbers of the service; a pixel's filter at a click."""
    page = inspected
    patch = page.locator("#patch")
    patch.focus()
    for key in ("Shift+ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    expect(patch).to_have_attribute("aria-label", "Patch of 16 pixels at column 0, row 1")
    page.keyboard.press("Enter")
    expect(page.locator("#activity")).to_be_hidden()

    analysis = posted(url, "analyze", noisy_png(SMALL), x=0, y=1, size=16, k=8).json()
    dimensionality = analysis["effective_dimensionality"]
    expect(page.locator("#numbers")).to_contain_text(f"{dimensionality:.1f}")
    expect(page.locator("#spectrum svg")).to_have_attribute("aria-label", re.compile(f"{dimensionality:.1f}"))
    assert page.locator(".vectors li").count() == 16
    expect(page.get_by_role("img", name="Left vector 256")).to_be_visible()

    page.locator("#filter-patch").click(position={"x": 18, "y": 4})
    expect(page.locator("#filter-weights")).to_have_attribute("alt", re.compile(r"pixel [12], 0$"))


def test_a_patch_is_dragged(page):
    """And analysed where it is let go."""
    upload(page, noisy_png(22, channels=3))
    await_result(page)
    inspect(page)
    box = page.locator("#patch").bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] - 60, box["y"] + 10)
    with page.expect_response(re.compile("/analyze")):
        page.mouse.up()
    expect(page.locator("#activity")).to_be_hidden()
    moved = page.locator("#patch").bounding_box()
    assert moved["x"] == pytest.approx(box["x"] - 70, abs=20)
    assert moved["y"] == pytest.approx(box["y"], abs=20)


def test_dimensionality_falls_with_the_noise(inspected):
    """Five analyses, one plot; on every screen nothing serious is in the way of who reads them."""
    page = inspected
    page.get_by_role("button", name="Measure it").click()
    expect(page.locator("#sweep-plot.sweep-done svg")).to_be_visible()
    description = page.locator("#sweep-plot svg").get_attribute("aria-label")
    dimensions = [float(each) for each in re.findall(r"d ([\d.]+)", description)]
    assert len(dimensions) == 5
    assert all(before > after for before, after in itertools.pairwise(dimensions))
    assert_nothing_in_the_way(page)


def test_a_measurement_is_cancelled(own_page):
    """By Escape; what was measured stays, nothing more is asked for."""
    page = own_page
    upload(page, noisy_png(SMALL))
    await_result(page)
    inspect(page)
    held = Held(page, re.compile("/analyze"))
    page.get_by_role("button", name="Measure it").click()
    held.let_go()
    page.locator("#sweep-plot svg").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("status")).to_have_text("Canceled.")
    expect(page.locator("#activity")).to_be_hidden()
    expect(page.locator("#sweep-plot svg")).to_be_visible()
    expect(page.locator("#sweep-plot")).not_to_have_class("sweep-done")


def test_an_analysis_is_saved(inspected, tmp_path):
    """As arrays and as a figure."""
    with np.load(saved(inspected, "#save-analysis-npz", tmp_path), allow_pickle=False) as analysis:
        assert analysis["singular_values"].shape == (256,)
    assert Image.open(saved(inspected, "#save-analysis-png", tmp_path)).width > 1000


def test_the_analysis_that_is_shown_works(inspected, tmp_path):
    """As Python, it prints the page's own number."""
    (tmp_path / "photo.png").write_bytes(noisy_png(SMALL))
    inspected.get_by_role("radio", name="Python").check()
    code = inspected.locator("#snippet").inner_text()
    printed = subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True)
    expect(inspected.locator("#numbers")).to_contain_text(f"{float(printed.stdout):.1f}")


def test_a_classical_denoiser_is_compared_and_not_inspected(page):
    """It stands apart in the chooser, has no weights to name, and Inspect is off, so that nothing is asked in vain."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    upload(page, noisy_png(SMALL))
    await_result(page)
    inspect(page)
    page.locator("#model").select_option("wavelet-bayes")
    expect(page.get_by_role("radio", name="Inspect")).to_be_disabled()
    expect(page.get_by_role("radio", name="Compare")).to_be_checked()
    await_result(page)
    expect(page.locator("#facts")).to_contain_text("wavelet-bayes, version 1")
    expect(page.locator("#facts")).not_to_contain_text("SHA-256")
    assert not any("analyze" in url and "wavelet" in url for url in asked)
    page.locator("#model").select_option("gray")
    expect(page.get_by_role("radio", name="Inspect")).to_be_enabled()


def test_arrays_are_saved_in_inspect_only(page):
    """NPZ is for those who inspect."""
    upload(page, noisy_png(SMALL))
    await_result(page)
    expect(page.locator("#save-npz")).to_be_hidden()
    view(page, "Inspect")
    expect(page.locator("#save-npz")).to_be_visible()


def test_a_large_image_shows_how_many_tiles_are_done(own_page):
    """Asked once per second, by a clock that the test turns; it ends when it is cancelled."""
    page = own_page
    page.clock.install()
    # A constant image would reach no network, and be done at once.
    upload(page, noisy_png(2400))
    label = page.locator("#activity-label")
    expect(label).to_be_visible()
    while label.is_visible() and "tiles" not in label.inner_text():
        page.clock.run_for(1000)
    assert re.match(r"Denoising, \d+ of \d+ tiles", label.inner_text())
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#activity")).to_be_hidden()
    expect(page.locator("#stage")).to_have_attribute("data-state", "pending")

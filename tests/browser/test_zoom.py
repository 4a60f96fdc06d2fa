"""Zoom and pan of the image, beside the wipe."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import await_result, noisy_png, upload

SIDE = 160
MIDDLE = (0.5, 0.5)


def with_result(page):
    """The page with a result."""
    upload(page, noisy_png(SIDE))
    await_result(page)
    return page


@pytest.fixture
def image(page):
    """The page with a result."""
    return with_result(page)


def at(page, x, y):
    """The place on the screen of a share of the stage."""
    box = page.locator("#stage").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def shown(page):
    """Left, top and magnification of the image, in sizes of the stage."""
    stage, layer = (page.locator(each).bounding_box() for each in ("#stage", ".layer"))
    width = stage["width"]
    return (layer["x"] - stage["x"]) / width, (layer["y"] - stage["y"]) / width, layer["width"] / width


def turn(page, x, y, travel):
    """Turn the wheel over a place; the page has handled it when it answers."""
    page.mouse.move(*at(page, x, y))
    before = page.locator("#zoom-shown").inner_text()
    page.mouse.wheel(0, travel)
    expect(page.locator("#zoom-shown")).not_to_have_text(before)


def drag(page, start, end):
    """Drag from one share of the stage to another."""
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def test_the_wheel_zooms_around_the_pointer(image):
    """The point below it stays; back at the whole image, the page scrolls again."""
    turn(image, 0.25, 0.75, -500)
    left, top, scale = shown(image)
    assert scale == pytest.approx(2.718, rel=0.01)
    assert (0.25 - left) / scale == pytest.approx(0.25, abs=0.01)
    assert (0.75 - top) / scale == pytest.approx(0.75, abs=0.01)
    turn(image, 0.9, 0.1, 5000)
    assert shown(image) == pytest.approx((0, 0, 1), abs=0.01)
    assert image.evaluate("""() => document.getElementById("stage").dispatchEvent(
        new WheelEvent("wheel", { deltaY: 100, cancelable: true }))""")


def test_a_drag_pans_and_the_divider_still_wipes(image):
    """Zoomed in, a drag beside the divider moves the image, one on it the wipe; nothing leaves a border free."""
    wipe = image.locator("#wipe")
    turn(image, *MIDDLE, -500)
    before = shown(image)
    drag(image, (0.2, 0.5), (0.3, 0.6))
    after = shown(image)
    assert after[0] - before[0] == pytest.approx(0.1, abs=0.01)
    assert after[1] - before[1] == pytest.approx(0.1, abs=0.01)
    assert wipe.input_value() == "50"

    drag(image, (0.5, 0.5), (0.75, 0.5))
    assert wipe.input_value() == "75"
    assert shown(image) == after
    clip = image.locator("#denoised").evaluate("each => getComputedStyle(each).clipPath")
    edge = float(re.findall(r"([-\d.]+)%", clip)[-1]) / 100
    assert after[0] + after[2] * edge == pytest.approx(0.75, abs=0.01)

    drag(image, (0.1, 0.5), (0.6, 0.9))
    drag(image, (0.1, 0.1), (0.6, 0.9))
    assert shown(image)[:2] == pytest.approx((0, 0), abs=0.01)


def test_keys_and_buttons_zoom_and_pan(image):
    """+, -, 0 and the arrows; 100 % shows a pixel as a pixel."""
    image.locator("#zoom-full").click()
    expect(image.locator("#zoom-shown")).to_have_text("100 %")
    assert image.locator(".layer").bounding_box()["width"] == pytest.approx(SIDE, abs=1)
    image.keyboard.press("0")
    assert shown(image)[2] == pytest.approx(1, abs=0.01)
    for _ in range(3):
        image.keyboard.press("+")
    assert shown(image)[2] == pytest.approx(1.25**3, rel=0.01)
    before = shown(image)
    image.keyboard.press("ArrowRight")
    image.keyboard.press("ArrowDown")
    assert before[0] - shown(image)[0] == pytest.approx(0.05, abs=0.01)
    assert before[1] - shown(image)[1] == pytest.approx(0.05, abs=0.01)
    image.keyboard.press("-")
    assert shown(image)[2] == pytest.approx(1.25**2, rel=0.01)
    image.locator("#zoom-fit").click()
    assert shown(image) == pytest.approx((0, 0, 1), abs=0.01)


def test_keys_in_fields_do_not_zoom(image):
    """A minus in a number is a minus."""
    image.get_by_label("Strength").focus()
    image.keyboard.press("-")
    assert shown(image)[2] == pytest.approx(1, abs=0.01)


def test_two_fingers_pinch(own_page):
    """Twice the distance is twice the size, and neither the wipe nor the page moves."""
    image = with_result(own_page)
    touch = image.context.new_cdp_session(image)

    def fingers(kind, *places):
        points = [dict(zip(("x", "y"), at(image, *each), strict=True)) | {"id": i} for i, each in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    wipe = image.locator("#wipe").input_value()
    fingers("touchStart", (0.4, 0.5), (0.6, 0.5))
    for spread in (0.15, 0.2):
        fingers("touchMove", (0.5 - spread, 0.5), (0.5 + spread, 0.5))
    fingers("touchEnd")
    assert shown(image)[2] == pytest.approx(2, rel=0.05)
    assert image.locator("#wipe").input_value() == wipe
    assert image.evaluate("visualViewport.scale") == 1


def test_another_image_is_shown_whole(image):
    """The part that was zoomed into is not there any more."""
    turn(image, *MIDDLE, -500)
    upload(image, noisy_png(96))
    await_result(image)
    assert shown(image) == pytest.approx((0, 0, 1), abs=0.01)

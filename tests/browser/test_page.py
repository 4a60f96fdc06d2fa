"""The page, as a person uses it."""

import io
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import expect
from skimage import metrics

from tests.browser.steps import (
    arrays,
    await_result,
    canvas_pixel,
    noisy_png,
    number,
    posted,
    saved,
    take_sample,
    upload,
    view,
)
from tests.integration.images import NPY, from_npy, npy, photograph, with_noise


@pytest.mark.parametrize("channels", [1, 3])
def test_an_uploaded_photograph_is_denoised(page, url, tmp_path, channels):
    """What is shown and saved is the service's answer, and what was compared with it the file's own pixels."""
    content = noisy_png(channels=channels)
    upload(page, content)
    await_result(page)

    held = arrays(page, tmp_path)
    answer = posted(url, "denoise", content, format="npy", estimate=True)
    np.testing.assert_array_equal(held["noisy"], np.asarray(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(held["denoised"], from_npy(answer.content))
    assert number(page, "#sigma") == pytest.approx(float(answer.headers["X-Sigma-Estimate"]), abs=0.06)
    assert number(page, "#psnr") == pytest.approx(float(answer.headers["X-Estimated-PSNR"]), abs=0.06)
    page.get_by_text("Details").click()
    digest = re.search("sha256=([0-9a-f]+)", answer.headers["X-Model"])[1]
    expect(page.locator("#facts")).to_contain_text(digest)


def test_an_image_can_be_dropped(page):
    """Anywhere on the page."""
    drop = """async (bytes) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, list(noisy_png(48)))
    await_result(page)
    expect(page.get_by_role("heading", name="dropped.png")).to_be_visible()


def test_an_image_can_be_pasted(page):
    """From the clipboard."""
    paste = """async (bytes) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
    }"""
    page.evaluate(paste, list(noisy_png(48)))
    await_result(page)
    expect(page.get_by_role("heading", name="pasted.png")).to_be_visible()


def test_the_wipe_follows_keys_and_pointer(page):
    """A slider for the keyboard, the whole image for the pointer."""
    upload(page, noisy_png())
    await_result(page)
    wipe = page.get_by_role("slider", name="Wipe")

    wipe.focus()
    page.keyboard.press("ArrowRight")
    assert wipe.input_value() == "51"
    page.keyboard.press("Home")
    assert page.locator("#denoised").evaluate("each => getComputedStyle(each).clipPath") == "inset(0px 0px 0px 0%)"

    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.up()
    assert wipe.input_value() == "75"
    assert page.locator("#denoised").evaluate("each => getComputedStyle(each).clipPath") == "inset(0px 0px 0px 75%)"


@pytest.mark.parametrize("sample", ["Camera", "Coffee"])
def test_a_clean_image_gets_noise_and_is_measured(page, tmp_path, sample):
    """PSNR and SSIM are scikit-image's, of noise that was sent unclipped and has the level that was chosen."""
    take_sample(page, sample)

    held = arrays(page, tmp_path)
    clean = held["clean"]
    assert held["noisy"].min() < 0
    assert held["noisy"].max() > 1
    sigma_255 = float(page.get_by_label("Noise level").input_value())
    assert 255 * np.std(held["noisy"] - clean) == pytest.approx(sigma_255, rel=0.01)
    axis = 2 if clean.ndim == 3 else None
    for name, row in (("noisy", "before"), ("denoised", "after")):
        image = np.clip(held[name], 0, 1)
        psnr = metrics.peak_signal_noise_ratio(clean, image, data_range=1)
        ssim = metrics.structural_similarity(clean, image, data_range=1, channel_axis=axis)
        assert number(page, f"#psnr-{row}") == pytest.approx(psnr, abs=0.006)
        assert number(page, f"#ssim-{row}") == pytest.approx(ssim, abs=0.0006)
    assert number(page, "#psnr-after") > number(page, "#psnr-before") + 5


def test_the_noise_is_repeated_by_its_seed(page, tmp_path):
    """The same seed gives the same noise, another one other noise."""
    take_sample(page)
    noises = [arrays(page, tmp_path)["noisy"]]
    for seed in ("7", "0"):
        with page.expect_response(re.compile("/denoise")):
            page.get_by_label("Seed").fill(seed)
            page.get_by_label("Seed").press("Tab")
        await_result(page)
        noises.append(arrays(page, tmp_path)["noisy"])
    np.testing.assert_array_equal(noises[0], noises[2])
    assert not np.array_equal(noises[0], noises[1])


def test_strength_blends_without_a_request(page, tmp_path):
    """The browser does it; PSNR follows."""
    take_sample(page)
    full = arrays(page, tmp_path)
    psnr = page.locator("#psnr-after").inner_text()
    requests = []
    page.on("request", lambda request: requests.append(request.url))

    page.get_by_role("slider", name="Strength").fill("50")
    expect(page.locator("#psnr-after")).not_to_have_text(psnr)

    half = arrays(page, tmp_path)["denoised"]
    np.testing.assert_allclose(half, (full["noisy"] + full["denoised"]) / 2, atol=1e-6)
    assert [each for each in requests if not each.startswith("blob:")] == []


def test_the_residual_is_red_where_light_was_taken_away(page, tmp_path):
    """Signed, around white."""
    take_sample(page)
    view(page, "Residual")
    expect(page.locator("#residual")).to_be_visible()
    held = arrays(page, tmp_path)
    residual = held["noisy"] - held["denoised"]
    for sign, place in ((1, residual.argmax()), (-1, residual.argmin())):
        y, x = np.unravel_index(place, residual.shape)
        red, _, blue = canvas_pixel(page, "#residual", int(x), int(y))
        assert sign * (red - blue) > 0


def test_the_loupe_shows_the_same_pixels_of_all_three(page):
    """Moved by keys, which move all of them."""
    upload(page, noisy_png())
    await_result(page)
    loupe = page.get_by_role("group", name="Loupe")
    loupe.focus()
    for key in ("ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(loupe).to_have_attribute("aria-label", "Loupe at column 61, row 58")
    for index, layer in enumerate(("#noisy", "#denoised", "#residual")):
        magnified = canvas_pixel(page, f"#loupe figure:nth-child({index + 1}) canvas", 96, 96)
        assert magnified == canvas_pixel(page, layer, 61, 58)


def test_a_refusal_is_shown_in_the_services_words(page, url):
    """Title and detail of the problem document; the page goes on."""
    content = b"certainly not an image"
    upload(page, content, "photo.png")
    problem = posted(url, "denoise", content).json()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(problem["title"])
    expect(alert).to_contain_text(problem["detail"])
    expect(alert).to_contain_text("Request ")
    page.get_by_role("button", name="Dismiss").click()
    expect(alert).to_be_hidden()

    upload(page, noisy_png(48))
    await_result(page)


def test_results_are_saved_as_png_and_tiff(page, url, tmp_path):
    """Integers by the service, at the strength that is shown."""
    content = noisy_png()
    upload(page, content)
    await_result(page)
    page.get_by_role("slider", name="Strength").fill("80")
    expected = from_npy(posted(url, "denoise", content, format="npy", strength=0.8).content)
    png = saved(page, "#save-png", tmp_path)
    assert png.name == "photo-denoised.png"
    np.testing.assert_array_equal(np.asarray(Image.open(png)), expected)
    np.testing.assert_array_equal(tifffile.imread(saved(page, "#save-tiff", tmp_path)), expected)


def test_results_of_floats_are_saved_too(page, tmp_path):
    """TIFF holds them; a PNG has what the screen shows."""
    take_sample(page)
    held = arrays(page, tmp_path)["denoised"]
    tiff = tifffile.imread(saved(page, "#save-tiff", tmp_path))
    np.testing.assert_allclose(tiff, held, atol=1e-6)
    png = np.asarray(Image.open(saved(page, "#save-png", tmp_path)).convert("L"))
    assert np.abs(png - 255 * np.clip(held, 0, 1)).max() < 1


def test_what_a_browser_cannot_read_is_read_by_the_service(page, tmp_path):
    """A stack of 16 bits, page by page."""
    clean = photograph(64)
    stack = np.stack([np.rint(40000 * (0.2 + with_noise(clean, 10, seed=seed))) for seed in (0, 1)]).astype(np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stack, photometric="minisblack")
    upload(page, buffer.getvalue(), "stack.tif", "image/tiff")
    await_result(page)
    expect(page.locator("#work-kind")).to_have_text("64 \u00d7 64, gray, uint16, 2 pages")
    page.get_by_label("Page", exact=True).fill("2")
    page.get_by_label("Page", exact=True).press("Tab")
    held = arrays(page, tmp_path)
    assert held["denoised"].dtype == np.uint16
    np.testing.assert_array_equal(held["noisy"], stack[1])


def test_another_model_is_chosen(page):
    """From those that the service has, or the best or fastest of them for the image."""
    upload(page, noisy_png(64, channels=3))
    await_result(page)
    with page.expect_response(re.compile("model=gray")):
        page.get_by_label("Model").select_option("gray")
    await_result(page)
    expect(page.locator("#facts")).to_contain_text("gray, version")
    with page.expect_response(re.compile("model=best")):
        page.get_by_label("Model").select_option("best")
    await_result(page)
    expect(page.locator("#facts")).to_contain_text(re.compile("color-(best|real), version"))
    with page.expect_response(re.compile("model=fast")):
        page.get_by_label("Model").select_option("fast")
    await_result(page)
    expect(page.locator("#facts")).to_contain_text("color-fast, version")


def test_an_upload_is_cancelled_and_sent_again(own_page):
    """It shows how far it is; the image stays, and is denoised at a click."""
    page = own_page
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    network.send("Network.emulateNetworkConditions", slow)
    content = noisy_png(640, channels=3)
    assert len(content) > 1_000_000
    upload(page, content)
    expect(page.locator("#activity-label")).to_have_text(re.compile(r"Uploading, [1-9]\d* %"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#activity")).to_be_hidden()
    expect(page.locator("#stage")).to_have_attribute("data-state", "pending")

    network.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    page.get_by_role("button", name="Denoise", exact=True).click()
    await_result(page)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_call_that_is_shown_works(page, url, tmp_path):
    """As curl and as Python: both write what the page saved."""
    content = noisy_png()
    (tmp_path / "my photo's.png").write_bytes(content)
    upload(page, content, "my photo's.png")
    await_result(page)
    page.get_by_role("slider", name="Strength").fill("70")
    wanted = np.asarray(Image.open(saved(page, "#save-png", tmp_path)))
    result = tmp_path / "my photo's-denoised.png"
    for language, command in (("curl", ["bash", "-c"]), ("Python", [sys.executable, "-c"])):
        result.unlink()
        page.get_by_role("radio", name=language).check()
        subprocess.run([*command, page.locator("#snippet").inner_text()], check=True, cwd=tmp_path)
        np.testing.assert_array_equal(np.asarray(Image.open(result)), wanted)


def test_noisy_floats_are_saved_as_they_were_sent(page, url, tmp_path):
    """So that the call that is shown can be made."""
    take_sample(page)
    path = saved(page, "#save-noisy", tmp_path)
    assert path.name == "camera-noisy.npy"
    answer = posted(url, "denoise", npy(np.load(path)), NPY)
    np.testing.assert_allclose(from_npy(answer.content), arrays(page, tmp_path)["denoised"], atol=1e-5)


def test_nothing_is_wider_than_the_panel(page):
    """Nor than the window, on a telephone and at the widths around those at which the columns change."""
    upload(page, noisy_png(), f"{'long' * 20}.png")
    await_result(page)
    for width in (360, 390, 1024, 1100, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wider = page.evaluate(
            """() => {
              const panel = document.querySelector(".panel");
              const right = panel.getBoundingClientRect().right;
              return [...panel.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > right + 0.5)
                .map((each) => each.id || each.tagName);
            }"""
        )
        assert wider == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width

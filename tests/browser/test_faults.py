"""Faults of the page that users met: saving meanwhile, several files, large images, floats, formats."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.steps import Held, await_result, noisy_png, number, png, posted, saved, upload
from tests.integration.images import NPY, from_npy, npy, photograph, with_noise

DROP = """(files) => {
    const transfer = new DataTransfer();
    for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
SAVE_BUTTONS = ("#save-png", "#save-tiff", "#save-jpeg", "#save-webp", "#save-auto")


def image_file(form, array, **options):
    """Write an array with Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, form, **options)
    return buffer.getvalue()


def noisy_pixels(side=72):
    """A noisy photograph in 8 bits."""
    return np.asarray(Image.open(io.BytesIO(noisy_png(side))))


def test_saving_meanwhile_ends_nothing(own_page, url, tmp_path):
    """Without a result nothing can be saved; while another is made, the one that is shown is saved."""
    page = own_page
    content = noisy_png(48)
    # Those for results to show; those for files to save pass.
    held = Held(page, re.compile(r"/denoise\?.*format=npy"))
    upload(page, content)
    for button in SAVE_BUTTONS:
        expect(page.locator(button)).to_be_disabled()
    held.let_go()
    await_result(page)

    page.get_by_label("Model").select_option("wavelet-bayes")
    expect(page.locator("#activity")).to_be_visible()
    file = saved(page, "#save-png", tmp_path)
    expected = from_npy(posted(url, "denoise", content, format="npy").content)
    np.testing.assert_array_equal(np.asarray(Image.open(file)), expected)
    held.let_go()
    expect(page.locator("#facts")).to_contain_text("wavelet-bayes, version")
    await_result(page)


def test_several_dropped_files_are_denoised_one_after_the_other(page):
    """The page says what is done and names what failed."""
    files = [["a.png", list(noisy_png(48))], ["b.png", [1, 2, 3]], ["c.png", list(noisy_png(56))]]
    page.evaluate(DROP, files)
    expect(page.locator("#series")).to_contain_text("2 of 3 denoised")
    expect(page.locator("#series")).to_contain_text("Failed: b.png")
    expect(page.get_by_role("heading", name="c.png")).to_be_visible()


def test_a_large_image_is_denoised_in_one_pass(page):
    """Above 4 megapixels no estimate is asked for, neither by the page nor by the call that it shows."""
    with page.expect_request(lambda request: "x-request-id" in request.headers) as asked:
        upload(page, png(np.zeros((2001, 2000), np.uint8)))
    assert "estimate" not in asked.value.url
    await_result(page)
    expect(page.locator("#snippet")).to_contain_text("denoise")
    expect(page.locator("#snippet")).not_to_contain_text("estimate")
    expect(page.locator("#noise-description")).to_have_text("No PSNR: no estimate above 4 megapixels.")


@pytest.mark.parametrize(
    ("white", "dtype"), [(4095, "float32"), (255, "float32"), (65535, "float32"), (4095, "uint16")]
)
def test_the_noise_level_refers_to_a_white_that_is_told(page, white, dtype):
    """Floats above 1, even with a hot pixel, and 12 bits in 16 have the level of the same picture in 0..1."""
    noisy = white * np.clip(with_noise(photograph(96), 25), 0, 1)
    if dtype == "float32":
        noisy[5, 5] = 3 * white
    upload(page, npy(noisy.astype(dtype)), "picture.npy", "application/x-npy")
    await_result(page)
    assert 15 < number(page, "#sigma") < 40
    expect(page.locator("#assumed")).to_have_text(f"White is taken to be {white}.")
    expect(page.locator("#legend-high")).to_have_text(re.compile(r"^\+\d{1,3}\.\d$"))


def test_floats_of_more_bits_than_a_depth_has_are_denoised(page):
    """Their level refers to their white as well."""
    noisy = float(2**40 - 1) * np.clip(with_noise(photograph(96), 25), 0, 1)
    upload(page, npy(noisy.astype(np.float32)), "picture.npy", "application/x-npy")
    await_result(page)
    assert 15 < number(page, "#sigma") < 40


def test_the_psnr_of_floats_refers_to_the_same_white(page):
    """Multiplied by 4095, a picture has the level and the PSNR that it had."""
    noisy = with_noise(photograph(96), 25).astype(np.float32)
    found = []
    for factor in (1, 4095):
        upload(page, npy(factor * noisy), "picture.npy", "application/x-npy")
        await_result(page)
        found.append((number(page, "#sigma"), number(page, "#psnr")))
        assert f"level {found[-1][0]:g}" in page.locator("#noise-description").inner_text()
    assert found[1] == pytest.approx(found[0], abs=0.2)
    assert found[0][1] > 15


def test_nothing_is_assumed_of_8_bits_and_of_floats_up_to_1(page):
    """A noisy white exceeds 1 a little."""
    for content in (noisy_pixels(), with_noise(photograph(96), 25).astype(np.float32)):
        upload(page, npy(content), "picture.npy", "application/x-npy")
        await_result(page)
        expect(page.locator("#assumed")).to_be_hidden()


def test_a_warning_of_the_service_is_shown(page, url):
    """It names what it assumed about an array of ambiguous shape."""
    content = npy(np.stack([noisy_pixels()] * 3))
    warning = posted(url, "denoise", content, NPY, strength=0).headers["X-Warning"]
    upload(page, content, "stack.npy", "application/x-npy")
    await_result(page)
    expect(page.locator("#assumed")).to_contain_text(warning[1:])


@pytest.mark.parametrize(("form", "ending"), [("jpeg", "jpg"), ("webp", "webp")])
def test_a_result_is_saved_with_a_quality(page, url, tmp_path, form, ending):
    """The same file as the service writes at this quality; 16 bits become 8."""
    page.set_viewport_size({"width": 1280, "height": 1400})
    for content, name in ((noisy_pixels(), "a.npy"), (noisy_pixels().astype(np.uint16) * 257, "b.npy")):
        upload(page, npy(content), name, "application/x-npy")
        await_result(page)
        page.get_by_label("Quality").fill("60")
        file = saved(page, f"#save-{form}", tmp_path)
        assert file.suffix == f".{ending}"
        answer = posted(url, "denoise", npy(content), NPY, format=form, quality=60, bits=8)
        np.testing.assert_array_equal(np.asarray(Image.open(file)), np.asarray(Image.open(io.BytesIO(answer.content))))


def test_a_result_of_floats_is_saved_as_shown(page, tmp_path):
    """JPEG and WebP hold 8 bits, as the screen does."""
    upload(page, npy(with_noise(photograph(64), 25).astype(np.float32)), "floats.npy", "application/x-npy")
    await_result(page)
    for form, name in (("JPEG", "floats-denoised.jpg"), ("WebP", "floats-denoised.webp")):
        file = saved(page, f"#save-{form.lower()}", tmp_path)
        assert file.name == name
        assert Image.open(file).format == form.upper()


@pytest.mark.parametrize(
    ("form", "sent", "written"), [("BMP", "bmp", "bmp"), ("JPEG", "jpeg", "jpeg"), ("GIF", "gif", "png")]
)
def test_a_result_is_saved_in_the_format_that_came(page, tmp_path, form, sent, written):
    """Or as PNG if the service cannot write that."""
    upload(page, image_file(form, noisy_pixels()), f"photo.{sent}", "")
    await_result(page)
    assert saved(page, "#save-auto", tmp_path).name == f"photo-denoised.{written}"


@pytest.mark.parametrize(
    ("form", "name"), [("JPEG2000", "a.jp2"), ("PPM", "b.pgm"), ("GIF", "c.gif"), ("JPEG2000", "d.bin")]
)
def test_formats_that_no_browser_shows_are_shown_through_the_service(page, form, name):
    """The file chooser offers their endings; an unknown ending is told by its content."""
    upload(page, image_file(form, noisy_pixels()), name, "image/x-unheard-of")
    await_result(page)
    expect(page.locator("#work-kind")).to_contain_text("72 \u00d7 72, gray, uint8")
    if not name.endswith("bin"):
        assert f".{name.split('.')[1]}," in page.locator("#file").get_attribute("accept") + ","

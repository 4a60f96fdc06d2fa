"""What the page says of the noise, and its slider for color noise."""

import io

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.steps import arrays, await_result, noisy_png, posted, saved, upload
from tests.integration.images import from_npy, photograph, with_noise


def jpeg() -> bytes:
    """A noisy photograph as a camera would store it: correlated noise."""
    noisy = with_noise(photograph(256, channels=3), 25)
    buffer = io.BytesIO()
    Image.fromarray(np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def test_the_noise_is_described_in_the_services_words(page, url):
    """White noise has a level and an estimated PSNR; a JPEG's is called correlated, and no PSNR is guessed."""
    for content, name, media_type in ((noisy_png(), "a.png", "image/png"), (jpeg(), "b.jpg", "image/jpeg")):
        upload(page, content, name, media_type)
        await_result(page)
        answer = posted(url, "denoise", content, {"Content-Type": media_type}, estimate=True)
        description = answer.headers["X-Noise"].partition('description="')[2].rstrip('"')
        expect(page.locator("#noise-description")).to_contain_text(description[0].upper() + description[1:])
        assert ("X-Estimated-PSNR" in answer.headers) is (media_type == "image/png")
    assert "correlated" in description
    expect(page.locator("#psnr")).not_to_contain_text("dB")


def test_color_noise_has_a_slider_of_its_own(page, url, tmp_path):
    """Gray images have none; a color image is blended and saved with it."""
    upload(page, noisy_png())
    await_result(page)
    expect(page.locator("#chroma-field")).to_be_hidden()

    content = noisy_png(channels=3)
    upload(page, content)
    await_result(page)
    slider = page.get_by_role("slider", name="Color noise")
    expect(slider).to_be_visible()
    full = arrays(page, tmp_path)["denoised"]
    slider.fill("0")
    page.get_by_role("slider", name="Strength").fill("100")
    expect(page.locator("#chroma-strength-value")).to_have_text("0 %")
    assert not np.array_equal(arrays(page, tmp_path)["denoised"], full)
    expected = from_npy(posted(url, "denoise", content, format="npy", strength=1, chroma_strength=0).content)
    np.testing.assert_array_equal(np.asarray(Image.open(saved(page, "#save-png", tmp_path))), expected)

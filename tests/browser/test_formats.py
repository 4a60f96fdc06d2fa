"""Files of telephones, cameras, telescopes and hospitals, which no browser decodes: shown through the service."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from biasfree_client._formats import BY_SUFFIX, Format
from tests.browser.steps import await_result, canvas_pixels, posted, upload
from tests.integration.images import from_npy
from tests.unit.service.imaging.format_files import avif, dicom, dng, fits_file, heic, jp2, jxl, mosaic, nef_like, ramp

RGB8, RGB16 = ramp((32, 40, 3)), ramp((24, 40, 3), "uint16")
#: A third of the scale: a foggy day, which must stay one on the screen.
FOG = 20_000 + RGB16 // 3
#: In a black frame, because the stand-in darkens a border.
SLICE = np.pad(ramp((92, 96), "uint16") >> 4, 2)
#: A sky of little contrast and one star, whose surroundings are less than a thousandth even when smoothed.
SKY = np.pad(1000 + ramp((92, 96), "uint16") // 256, 2)
SKY[50, 50] = 60_000
#: Pixels that the stand-in's smoothing makes of one.
STAR = 9
#: Of 255. HEIC and AVIF of this quality differ by up to 4.
TOLERANCE = 6


def stretched(values):
    """Gray between the darkest and the brightest values, but for a thousandth beyond each."""
    ordered = np.sort(values, axis=None)
    low, high = (float(ordered[int(share * (ordered.size - 1))]) for share in (0.001, 0.999))
    return np.clip((values - low) / (high - low) * 255, 0, 255)


FILES = [
    ("IMG_0001.HEIC", heic(RGB8), "40 \u00d7 32, color, uint8", RGB8),
    ("IMG_0002.heif", heic(FOG), "40 \u00d7 24, color, uint16", FOG / 257),
    ("photo.avif", avif(RGB8), "40 \u00d7 32, color, uint8", RGB8),
    ("hdr.avif", avif(FOG), "40 \u00d7 24, color, uint16", FOG / 257),
    ("photo.jxl", jxl(FOG), "40 \u00d7 24, color, uint16", FOG / 257),
    ("scan.jp2", jp2(RGB8, codecformat="jp2"), "40 \u00d7 32, color, uint8", RGB8),
    ("DSC_0001.DNG", dng(mosaic()), "96 \u00d7 64, color, uint16", None),
    ("sky.fits", fits_file(SKY), "100 \u00d7 96, gray, uint16", stretched(SKY)),
    ("sky.fit", fits_file(SKY.astype(np.float32)), "100 \u00d7 96, gray, float32", stretched(SKY)),
    ("slice.dcm", dicom(SLICE, bits=12), "100 \u00d7 96, gray, uint16", stretched(SLICE)),
    ("IM0001", dicom(RGB8), "40 \u00d7 32, color, uint8", RGB8),
]


@pytest.mark.parametrize(("name", "content", "kind", "pixels"), FILES, ids=[name for name, *_ in FILES])
def test_a_file_that_no_browser_decodes_looks_as_it_should(page, url, name, content, kind, pixels):
    """Noisy and denoised have its size and its colors; a raw file's are those that the service develops.

    The call that is shown names the result after the format in which it is answered.
    """
    upload(page, content, name, "application/octet-stream")
    await_result(page)
    assert page.locator("#work-kind").inner_text() == kind
    if pixels is None:
        pixels = from_npy(posted(url, "denoise", content, {}, strength=0, format="npy").content) / 257
    expected = pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)
    np.testing.assert_allclose(canvas_pixels(page, "#noisy"), expected, atol=TOLERANCE)
    apart = np.abs(canvas_pixels(page, "#denoised") - expected)[3:-3, 3:-3].max(axis=2) > TOLERANCE
    assert apart.sum() <= STAR
    written = posted(url, "denoise", content, {}).headers["content-type"]
    output = Path(page.locator("#snippet").inner_text().split("-o ")[1])
    assert BY_SUFFIX[output.suffix.lower()].media_type == written


def test_a_raw_file_that_cannot_be_developed_is_refused_in_words(page):
    """Instead of its thumbnail; the page stays where it was."""
    upload(page, nef_like(), "DSC_0002.NEF", "application/octet-stream")
    expect(page.get_by_role("alert")).to_contain_text("The image cannot be decoded")
    expect(page.get_by_role("button", name="Choose an image")).to_be_visible()


def test_the_file_chooser_offers_every_format(page):
    """A dialog grays out what it does not name."""
    offered = page.locator("#file").get_attribute("accept").split(",")
    assert set(offered) == {"image/*"} | {suffix for each in Format for suffix in each.suffixes}

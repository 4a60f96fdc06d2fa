"""Pillow images as input and output."""

import numpy as np
import pytest
from PIL import Image

from biasfree_client import Denoiser, UnsupportedImage


def picture(mode: str) -> Image.Image:
    """Make a picture of a mode, with values from all of its range."""
    values = np.random.default_rng(0)
    if mode in ("I;16", "I;16L", "I;16B"):
        return Image.frombytes(mode, (5, 3), values.integers(0, 256, 30, np.uint8).tobytes())
    if mode == "I":
        return Image.fromarray(values.integers(0, 65536, (3, 5), np.int32))
    if mode == "F":
        return Image.fromarray(values.normal(0, 1e4, (3, 5)).astype(np.float32))
    if mode in ("P", "PA", "1", "La", "RGBa"):
        base = Image.fromarray(values.integers(0, 256, (3, 5, 4), np.uint8))
        return base.convert("LA").convert(mode) if mode == "La" else base.convert("RGBa" if mode == "RGBa" else "P")
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (5, 3), values.integers(0, 256, 15 * bands, np.uint8).tobytes())


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "F", "I;16", "I;16L", "I;16B", "I", "CMYK", "HSV", "YCbCr"])
def test_an_image_comes_back_in_its_mode(service, mode):
    """If the service changes nothing, modes that need no conversion return the same pixels."""
    sent = picture(mode)
    sent.info["dpi"] = (72, 72)
    result = Denoiser(transport=service.transport).denoise(sent)
    back = result.image
    assert (back.mode, back.size, back.info["dpi"]) == (mode, sent.size, (72, 72))
    if mode not in ("CMYK", "HSV", "YCbCr"):
        assert back.tobytes() == sent.tobytes()
    assert service.requests[0].headers["Content-Type"] == "application/x-npy"


@pytest.mark.parametrize(("mode", "wider"), [("P", "RGB"), ("1", "L")])
def test_a_mode_of_few_colors_comes_back_wider(service, mode, wider):
    """A palette has too few colors for a denoised image."""
    sent = picture("L").convert(mode) if mode == "1" else picture("RGB").convert("P")
    back = Denoiser(transport=service.transport).denoise(sent).pil()
    assert (back.mode, back.tobytes()) == (wider, sent.convert(wider).tobytes())


def test_a_transparent_palette_keeps_its_transparency(service):
    """The transparent entry becomes alpha."""
    sent = picture("RGB").convert("P")
    sent.info["transparency"] = 0
    back = Denoiser(transport=service.transport).denoise(sent).pil()
    assert back.mode == "RGBA"
    assert "transparency" not in back.info


def test_values_that_sixteen_bits_do_not_hold_are_refused(service):
    """The error is raised before anything is sent."""
    sent = Image.fromarray(np.array([[70_000, 1]], np.int32))
    with pytest.raises(UnsupportedImage, match=r"not 1\.\.70000"):
        Denoiser(transport=service.transport).denoise(sent)
    assert service.requests == []


def test_a_mode_that_cannot_be_sent_is_refused_by_name(service):
    """The error names the mode and the supported ones."""
    with pytest.raises(UnsupportedImage, match="mode LAB"):
        Denoiser(transport=service.transport).denoise(Image.new("LAB", (2, 2)))


def test_pixels_that_pillow_has_no_mode_for_are_refused(service):
    """The array can still be used."""
    sent = np.zeros((2, 2, 3), np.uint16)
    result = Denoiser(transport=service.transport).denoise(sent)
    with pytest.raises(UnsupportedImage, match="uint16"):
        result.pil()
    np.testing.assert_array_equal(result.array, sent)


def test_an_array_becomes_a_picture():
    """Half floats work too, although Pillow has no mode for them."""
    from biasfree_client._pil import image_of

    assert image_of(np.zeros((2, 3), np.uint8)).mode == "L"
    assert image_of(np.full((2, 3), 0.5, np.float16)).getpixel((0, 0)) == 0.5

"""Pillow images as input and output."""

import io
import warnings

import httpx
import numpy as np
import pytest
from PIL import Image, ImageCms

from biasfree_client import Denoised, Denoiser, UnsupportedImage
from tests.unit.client.conftest import FakeService

DIRECT = ("L", "LA", "RGB", "RGBA", "F", "I;16", "I;16L", "I;16B", "I")
CONVERTED = ("CMYK", "HSV", "YCbCr", "RGBX", "La", "RGBa")


def picture(mode: str) -> Image.Image:
    """Make a picture of a mode, with values from all of its range."""
    values = np.random.default_rng(0)
    if mode in ("I;16", "I;16L", "I;16B"):
        return Image.frombytes(mode, (5, 3), values.integers(0, 256, 30, np.uint8).tobytes())
    if mode == "I":
        return Image.fromarray(values.integers(0, 65536, (3, 5), np.int32))
    if mode == "F":
        return Image.fromarray(values.normal(0, 1e4, (3, 5)).astype(np.float32))
    if mode in ("P", "PA", "1"):
        return picture("RGBA" if mode == "PA" else "RGB").convert(mode)
    if mode in ("La", "RGBa"):
        return picture(mode.upper()).convert(mode)
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (5, 3), values.integers(0, 256, 15 * bands, np.uint8).tobytes())


def answering(service: FakeService, pixels: np.ndarray) -> Denoiser:
    """Return a client whose service answers every request with an array."""
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    headers = {"Content-Type": "application/x-npy"}
    service.answer = lambda _: httpx.Response(200, content=buffer.getvalue(), headers=headers)
    return Denoiser(transport=service.transport)


def sent_pixels(service: FakeService) -> np.ndarray:
    """Return the array of the last request."""
    return np.load(io.BytesIO(service.requests[-1].content))


@pytest.mark.parametrize("mode", [*DIRECT, *CONVERTED])
def test_an_image_that_is_not_changed_comes_back_bit_for_bit(service, mode):
    """As with ``strength=0``: the result has the same mode, pixels and metadata, and nothing is a warning."""
    sent = picture(mode)
    sent.info["dpi"] = (72, 72)
    expected = sent.tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        result = Denoiser(transport=service.transport).denoise(sent, strength=0)
    sent.paste(0, (0, 0, 5, 3))
    back = result.image
    assert (back.mode, back.size, back.info["dpi"]) == (mode, sent.size, (72, 72))
    assert back.tobytes() == expected
    assert result.warning is None
    assert service.requests[0].headers["Content-Type"] == "application/x-npy"


@pytest.mark.parametrize("mode", [*DIRECT, *CONVERTED])
def test_an_image_that_is_changed_comes_back_in_its_mode(service, mode):
    """Only CMYK does not."""
    sent = picture(mode)
    Denoiser(transport=service.transport).denoise(sent)
    changed = sent_pixels(service).copy()
    changed[0, 0] //= 2
    denoiser = answering(service, changed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = denoiser.denoise(sent)
    assert result.image.mode == ("RGB" if mode == "CMYK" else mode)
    assert (result.warning is None) == (mode != "CMYK")


def test_ink_is_denoised_as_color_and_stays_color(service):
    """Converted back, the black plate would be empty; the profile of the press does not fit the result."""
    sent = picture("CMYK")
    sent.info.update(dpi=(72, 72), icc_profile=b"of a press")
    with pytest.warns(UserWarning, match="CMYK image was converted to RGB"):
        result = answering(service, np.full((3, 5, 3), 9, np.uint8)).denoise(sent)
    np.testing.assert_array_equal(sent_pixels(service), np.asarray(sent.convert("RGB")))
    assert "not converted back" in result.warning
    back = result.pil()
    assert (back.mode, back.getpixel((0, 0)), back.info) == ("RGB", (9, 9, 9), {"dpi": (72, 72)})


@pytest.mark.parametrize(
    ("mode", "axes"),
    [
        *((each, "YX") for each in ("L", "F", "I;16", "I;16L", "I;16B", "I", "1")),
        *((each, "YXC") for each in ("RGB", "CMYK", "HSV", "YCbCr", "RGBX", "P")),
        *((each, "YXA") for each in ("LA", "La", "RGBA", "RGBa", "PA")),
    ],
)
def test_the_axes_of_an_image_are_sent(service, mode, axes):
    """Every mode that is supported has them, so that the service takes no image for a stack."""
    denoiser = Denoiser(transport=service.transport)
    denoiser.denoise(picture(mode), color="gray", axes=None)
    assert service.requests[0].url.params["axes"] == axes
    assert sent_pixels(service).ndim == len(axes)
    denoiser.denoise(picture(mode), axes="CYX")
    assert service.requests[1].url.params["axes"] == "CYX"


def test_the_axes_of_other_images_are_not_known(service):
    """Neither those of an array nor those of a file, for which the service refuses the parameter."""
    denoiser = Denoiser(transport=service.transport)
    denoiser.denoise(np.zeros((3, 5, 3), np.uint8))
    denoiser.denoise(b"\x89PNG\r\n\x1a\n an image")
    assert all("axes" not in request.url.params for request in service.requests)


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "HSV", "YCbCr", "RGBX", "P"])
def test_a_color_image_becomes_gray(service, mode):
    """With ``color=gray`` the service returns (H, W), which is not converted back; a profile of colors does not fit."""
    sent = picture(mode)
    sent.info["icc_profile"] = b"of a screen"
    gray = np.arange(15, dtype=np.uint8).reshape(3, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = answering(service, gray).denoise(sent, color="gray").pil()
    assert (back.mode, back.tobytes(), back.info) == ("L", gray.tobytes(), {})


@pytest.mark.parametrize(
    ("mode", "shape", "dtype", "expected"),
    [
        ("RGBa", (3, 5, 2), "u1", "LA"),
        ("La", (3, 5, 4), "u1", "RGBA"),
        ("L", (3, 5, 3), "u1", "RGB"),
        ("I;16", (3, 5), "u1", "L"),
        ("I", (3, 5), "u1", "L"),
        ("L", (3, 5), "u2", "I;16"),
    ],
)
def test_other_colors_and_bits_than_those_of_the_image_have_their_own_mode(service, mode, shape, dtype, expected):
    """As with ``color`` and ``bits``."""
    pixels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    back = answering(service, pixels).denoise(picture(mode)).pil()
    assert back.mode == expected
    np.testing.assert_array_equal(np.asarray(back), pixels)


@pytest.mark.parametrize(
    ("image", "clean", "axes"),
    [
        (picture("RGB"), None, "YXC"),
        (picture("RGB"), picture("HSV"), "YXC"),
        (picture("RGB"), picture("RGBA"), None),
        (picture("RGB"), np.zeros((3, 5, 3)), None),
        (picture("L"), b"\x89PNG\r\n\x1a\n an image", None),
    ],
)
def test_the_axes_of_an_analysis_are_sent_if_they_are_those_of_both_images(service, image, clean, axes):
    """The service has one parameter for both, and refuses it for a file; from the shapes it finds the same axes."""
    drawing = {"Content-Type": "image/png"}
    service.answer = lambda _: httpx.Response(200, content=b"drawing", headers=drawing)
    Denoiser(transport=service.transport).figure(image, clean=clean, color="gray")
    assert service.requests[0].url.params.get("axes") == axes


def metadata() -> dict[str, object]:
    """Return the metadata of a photograph, to be saved."""
    exif = Image.Exif()
    exif[271] = "a camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"icc_profile": profile, "exif": exif.tobytes(), "dpi": (300, 300)}


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_a_file_that_becomes_an_image_keeps_its_metadata(format):
    """Profile, EXIF and resolution, as far as ``Image.open`` finds them in a file of that format."""
    buffer, saved = io.BytesIO(), metadata()
    picture("RGB").save(buffer, format, **saved)
    with Image.open(buffer) as opened:
        back = Denoised(buffer.getvalue(), f"image/{format.lower()}").pil()
        assert back.info == opened.info
    assert back.info
    if format in ("PNG", "JPEG", "WEBP"):
        assert (back.getexif()[271], back.info["icc_profile"]) == ("a camera", saved["icc_profile"])


def test_a_file_that_pillow_does_not_open_has_no_metadata():
    """Its pixels may still be an image: Pillow reads no TIFF of half floats."""
    from biasfree_client._files import write

    content = write(np.full((3, 5), 0.5, np.float16), "image/tiff")
    assert Denoised(content, "image/tiff").pil().getpixel((0, 0)) == 0.5


@pytest.mark.parametrize(("mode", "wider"), [("P", "RGB"), ("PA", "RGBA"), ("1", "L")])
def test_a_mode_of_few_colors_comes_back_wider(service, mode, wider):
    """A palette has too few colors for a denoised image."""
    sent = picture(mode)
    back = Denoiser(transport=service.transport).denoise(sent).pil()
    assert (back.mode, back.tobytes()) == (wider, sent.convert(wider).tobytes())


def test_a_transparent_palette_keeps_its_transparency(service):
    """The transparent entry becomes alpha."""
    sent = picture("RGB").convert("P")
    sent.info["transparency"] = 0
    back = Denoiser(transport=service.transport).denoise(sent).pil()
    assert back.mode == "RGBA"
    assert "transparency" not in back.info


@pytest.mark.parametrize(("mode", "transparent"), [("L", 7), ("RGB", (7, 8, 9))])
def test_a_transparent_color_becomes_alpha(service, mode, transparent):
    """The pixels of that color, and no others, are transparent."""
    sent = picture(mode)
    sent.putpixel((1, 1), transparent)
    sent.info["transparency"] = transparent
    back = Denoiser(transport=service.transport).denoise(sent).pil()
    assert back.mode == mode + "A"
    assert back.convert("RGBA").tobytes() == sent.convert("RGBA").tobytes()
    assert back.getchannel("A").getpixel((1, 1)) == 0


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


def test_a_picture_of_several_frames_is_refused(service, tmp_path):
    """Only one of them would be sent. Not the JPEG of a phone, whose further pictures are previews."""
    gray = picture("L")
    gray.save(tmp_path / "pages.tif", save_all=True, append_images=[gray])
    gray.save(tmp_path / "preview.jpg", "MPO", save_all=True, append_images=[gray])
    client = Denoiser(transport=service.transport)
    with Image.open(tmp_path / "pages.tif") as pages, pytest.raises(UnsupportedImage, match="2 frames: pass its file"):
        client.denoise(pages)
    assert service.requests == []
    with Image.open(tmp_path / "pages.tif") as pages:
        client.denoise(pages.copy())
    with Image.open(tmp_path / "preview.jpg") as preview:
        client.denoise(preview)
    assert len(service.requests) == 2


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

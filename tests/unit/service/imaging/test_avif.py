"""The colors that an AVIF names by codes."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from service.imaging import ImageFormat, Picture, decode, encode, to_gray, with_bits
from tests.unit.service.imaging.samples import LIMITS, noise, picture, pillow_file, srgb_profile

P3, PQ = (12, 13), (9, 16)


def avif(shape: tuple[int, ...], codes: tuple[int, int], bits: int = 8) -> bytes:
    """An AVIF that names its colors by codes."""
    pixels = noise(shape) if bits == 8 else noise(shape, "uint16") >> (16 - bits)
    primaries, transfer = codes
    return bytes(imagecodecs.avif_encode(pixels, bitspersample=bits, primaries=primaries, transfer=transfer, matrix=6))


def read(data: bytes) -> Picture:
    """Decode under the tests' limits."""
    return decode(data, limits=LIMITS)


def codes_of(data: bytes) -> tuple[int, int, int]:
    """Primaries, transfer function and matrix in the color box."""
    return struct.unpack(">HHH", data[data.find(b"nclx") + 4 :][:6])


@pytest.mark.parametrize("shape", [(24, 40), (24, 40, 3), (24, 40, 4)])
@pytest.mark.parametrize(("codes", "bits"), [(P3, 8), (PQ, 10), ((9, 18), 12)])
def test_an_avif_keeps_the_colors_that_it_names(codes, bits, shape):
    """The matrix is that of the new file, and its pixels are the same as without codes."""
    image = with_bits(read(avif(shape, codes, bits)), 8)
    result = encode(image, ImageFormat.AVIF)
    assert codes_of(result) == (*codes, 6)
    again = read(result)
    assert again.metadata.color_codes == codes
    np.testing.assert_array_equal(
        again.samples(), np.asarray(Image.open(io.BytesIO(result))).reshape(again.samples().shape)
    )
    assert np.abs(again.samples().astype(int) - image.samples()).mean() < 12


def test_colors_survive_png_and_gray():
    """From AVIF over PNG to AVIF."""
    image = read(encode(read(avif((24, 40, 3), P3)), ImageFormat.PNG))
    assert codes_of(encode(image, ImageFormat.AVIF)) == (*P3, 6)
    assert codes_of(encode(to_gray(image), ImageFormat.AVIF))[:2] == P3


def test_colors_are_named_beside_camera_data():
    """The box of colors is not the only one."""
    exif = Image.Exif()
    exif[271] = "Leitz"
    data = pillow_file(noise((24, 40, 3)), "AVIF", exif=exif)
    image = read(data.replace(b"colrnclx" + struct.pack(">HH", 1, 13), b"colrnclx" + struct.pack(">HH", *P3)))
    result = encode(image, ImageFormat.AVIF)
    assert codes_of(result)[:2] == P3
    with Image.open(io.BytesIO(result)) as seen:
        assert seen.getexif()[271] == "Leitz"


def test_ordinary_colors_and_profiles_are_as_before():
    """A profile takes the place of codes."""
    assert codes_of(encode(picture((24, 40, 3)), ImageFormat.AVIF))[:2] == (1, 13)
    color = (3, ((b"cICP", bytes([*P3, 0, 1])),))
    profiled = picture((24, 40, 3), icc=srgb_profile(), png_color=color)
    assert read(encode(profiled, ImageFormat.AVIF)).metadata.icc == srgb_profile()

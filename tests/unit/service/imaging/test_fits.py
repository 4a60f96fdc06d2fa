"""FITS files keep the headers and the axes that they came with."""

import io
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from biasfree.pixels import PixelArray
from service.errors import UnsupportedMedia
from service.imaging import ImageFormat, decode, encode
from tests.unit.service.imaging.format_files import fits_file, ramp
from tests.unit.service.imaging.samples import LIMITS

IMAGE = ramp((24, 40)).astype(np.float32)


def with_primary(image: PixelArray, primary: dict[str, Any], *, compressed: bool = False, **cards: Any) -> bytes:
    """A FITS with nothing but cards in its primary HDU, and one image in an extension."""
    first = fits.PrimaryHDU()
    first.header.update(primary)
    hdu = fits.CompImageHDU(image) if compressed else fits.ImageHDU(image)
    hdu.header.update(cards)
    buffer = io.BytesIO()
    fits.HDUList([first, hdu]).writeto(buffer)
    return buffer.getvalue()


def back(data: bytes) -> fits.PrimaryHDU:
    """The first HDU of the file that comes back."""
    with fits.open(io.BytesIO(encode(decode(data, limits=LIMITS), ImageFormat.FITS)), memmap=False) as file:
        file.verify("exception")
        assert file[0].data is not None
        return file[0]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("inherit", [{}, {"INHERIT": True}])
def test_an_image_extension_inherits_the_cards_of_an_empty_primary_header(compressed, inherit):
    """Its own take precedence; cards about pixels and extensions are none of the answer."""
    primary = {"TELESCOP": "Hubble", "EXPTIME": 30.0, "NEXTEND": 1, "CHECKSUM": "x", "COMMENT": "by night"}
    data = with_primary(IMAGE, primary, compressed=compressed, EXPTIME=10.0, CRVAL1=10.7, **inherit)
    header = back(data).header
    assert (header["TELESCOP"], header["EXPTIME"], header["CRVAL1"]) == ("Hubble", 10.0, 10.7)
    assert "by night" in header["COMMENT"]
    assert {"NEXTEND", "INHERIT", "CHECKSUM"}.isdisjoint(header)


def test_an_extension_may_refuse_its_inheritance():
    """INHERIT = F."""
    header = back(with_primary(IMAGE, {"TELESCOP": "Hubble"}, OBJECT="M 31", INHERIT=False)).header
    assert ("TELESCOP" in header, header["OBJECT"]) == (False, "M 31")


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_card_of_the_primary_header_costs_no_other_card():
    """The damaged card is left out."""
    data = with_primary(IMAGE, {"TELESCOP": "Hubble", "EXPTIME": 30.0}, OBJECT="M 31")
    broken = data.replace(b"EXPTIME =  ", b"EXPTIME = \x80")
    assert broken != data
    header = back(broken).header
    assert (header["TELESCOP"], header["OBJECT"]) == ("Hubble", "M 31")


@pytest.mark.parametrize("shape", [(24, 40), (1, 24, 40), (1, 1, 24, 40), (3, 16, 18), (1, 3, 16, 18), (1, 40)])
def test_axes_of_one_come_back_with_the_cards_that_describe_them(shape):
    """Radio images have one frequency and one polarization."""
    image = np.resize(IMAGE, shape)
    axes = {f"CTYPE{index + 1}": name for index, name in enumerate(["RA---SIN", "DEC--SIN", "FREQ", "STOKES"])}
    hdu = back(fits_file(image, WCSAXES=4, **axes))
    np.testing.assert_array_equal(hdu.data, image)
    assert (hdu.data.shape, hdu.header["NAXIS"], hdu.header["CTYPE4"]) == (shape, len(shape), "STOKES")


def test_a_spectrum_is_no_image():
    """One row of pixels would be denoised as one."""
    with pytest.raises(UnsupportedMedia, match=r"FITS data of one axis \(64 values\), such as spectra"):
        decode(fits_file(np.arange(64, dtype=np.float32)), limits=LIMITS)

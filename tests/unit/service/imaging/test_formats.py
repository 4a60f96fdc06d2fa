"""The formats of telephones, cameras, telescopes, hospitals and scripts are read for what they show, or named."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from biasfree.pixels import PixelArray
from service.errors import InvalidPixels, UndecodableImage, UnsupportedMedia
from service.imaging import ImageFormat, Picture, decode, encode, extras, identify
from service.imaging.jxl_header import Header, read_header
from tests.unit.service.imaging import format_files
from tests.unit.service.imaging.format_files import (
    animation,
    avif,
    dicom,
    dng,
    fits_file,
    gif,
    heic,
    jp2,
    jxl,
    mosaic,
    ramp,
)
from tests.unit.service.imaging.samples import LIMITS, noise, pillow_file, srgb_profile

FILES = format_files.files()
#: Transfer syntaxes of DICOM that lose nothing.
SYNTAXES = (
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)
TURNED = 6


def read(data: bytes) -> Picture:
    """Decode within the usual limits."""
    return decode(data, limits=LIMITS)


def pixels(data: bytes) -> PixelArray:
    """The samples of the first frame as files have them."""
    return read(data).raster()


def turned_exif() -> bytes:
    """EXIF of a telephone that was held upright."""
    exif = Image.Exif()
    exif[0x0112] = TURNED
    exif[0x0110] = "Telephone"
    return exif.tobytes()


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_is_identified_and_read(kind):
    """Its pixels are as many as were written, and it is no other format."""
    picture = read(FILES[kind])
    expected = {"ppm": "pnm", "pgm": "pnm", "pbm": "pnm", "pam": "pnm", "pfm": "pnm", "dng": "raw"}
    name = kind.split()[0].rstrip(",")
    assert picture.format == expected.get(name, name)
    assert picture.frames[0].max() > picture.frames[0].min()


@pytest.mark.parametrize("write", [heic, avif])
@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_a_telephones_picture_is_read_to_the_quality_it_was_saved_with(write, shape):
    """8 bits as 8 bits."""
    image = ramp(shape)
    got = pixels(write(image))
    assert got.dtype == np.uint8
    # Pillow writes gray as color with 4:4:4.
    expected = np.dstack([image] * 3) if write is avif and image.ndim == 2 else image
    assert np.abs(got.astype(int) - expected).mean() < 2


@pytest.mark.parametrize("write", [heic, avif])
@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_ten_bits_fill_sixteen(write, shape):
    """White is white, and the steps are those of 10 bits. Monochrome is gray."""
    image = ramp(shape, "uint16")
    got = pixels(write(image))
    assert got.shape == shape
    assert (got.dtype, got.min() < 600, got.max()) == (np.uint16, True, 65535)
    assert np.abs(got.astype(int) - image).mean() < 65535 / 100
    assert np.unique(got).size <= 1024


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (1, 2), (2, 1)])
def test_a_monochrome_avif_is_gray(samples, frames):
    """Also as an animation, or with alpha."""
    image = ramp((48, 64, samples)).squeeze()
    more = [Image.fromarray(image[::-1])] * (frames - 1)
    picture = read(pillow_file(image, "AVIF", subsampling="4:0:0", save_all=frames > 1, append_images=more))
    assert (picture.channels, picture.has_alpha) == (1, samples == 2)


@pytest.mark.parametrize("write", [heic, avif])
def test_a_telephones_picture_is_upright_with_its_camera_and_profile(write):
    """Turned once, by the container or by EXIF, not by both."""
    image = ramp((32, 64, 3))
    options = {"exif": turned_exif()}
    if write is avif:
        options["icc_profile"] = srgb_profile()
    picture = read(write(image, **options))
    assert picture.frames[0].shape == (64, 32, 3)
    assert np.abs(picture.frames[0].astype(int) - np.rot90(image, -1)).mean() < 3
    assert b"Telephone" in picture.metadata.exif
    back = decode(encode(picture, ImageFormat.PNG), limits=LIMITS)
    assert back.frames[0].shape == (64, 32, 3)
    assert back.metadata.icc == options.get("icc_profile")


def test_the_profile_of_a_heic_is_kept():
    """Telephones write Display P3."""
    image = format_files.pillow_heif.from_pillow(Image.fromarray(ramp()))
    image.info["icc_profile"], image.info["icc_profile_type"] = srgb_profile(), "prof"
    buffer = io.BytesIO()
    image.save(buffer, quality=95)
    assert read(buffer.getvalue()).metadata.icc == srgb_profile()


@pytest.mark.parametrize("write", [heic, avif])
def test_color_codes_of_wide_color_are_kept_in_png(write):
    """BT.2020 with PQ would otherwise be shown as sRGB."""
    if write is heic:
        codes = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9, "full_range_flag": 1}
        data = heic(ramp((24, 40, 3), "uint16"), **codes)
    else:
        data = bytes(
            format_files.imagecodecs.avif_encode(
                ramp((24, 40, 3), "uint16") >> 6, bitspersample=10, primaries=9, transfer=16, matrix=9, numthreads=1
            )
        )
    assert b"cICP\x09\x10\x00\x01" in encode(read(data), ImageFormat.PNG)


@pytest.mark.parametrize(
    "image",
    [ramp((24, 40)), ramp((24, 40, 2)), ramp((24, 40, 3)), ramp((24, 40, 4)), ramp((24, 40, 3), "uint16")],
    ids=lambda image: f"{image.shape} {image.dtype}",
)
@pytest.mark.parametrize("write", [jxl, jp2])
def test_lossless_formats_give_every_pixel(write, image):
    """JPEG XL and JPEG 2000, gray, color and alpha, 8 and 16 bits."""
    np.testing.assert_array_equal(pixels(write(image)), image, strict=True)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("write", [jxl, jp2])
def test_odd_depths_fill_sixteen_bits(write, bits):
    """White is white."""
    image = ramp((24, 40), "uint16") >> (16 - bits)
    got = pixels(write(image, bitspersample=bits))
    np.testing.assert_array_equal(got, np.rint(image * (65535 / (2**bits - 1))), strict=False)


def test_a_jpeg_xl_of_floats_stays_float():
    """Any range."""
    image = np.linspace(0, 1, 24 * 40, dtype=np.float32).reshape(24, 40)
    np.testing.assert_array_equal(pixels(jxl(image)), image, strict=True)


@pytest.mark.parametrize(
    ("image", "linear"),
    [
        (ramp(), False),
        (ramp((24, 40)), False),
        (ramp((24, 40, 4)), False),
        # libjxl takes deep samples for linear ones.
        (ramp((24, 40, 3), "uint16"), True),
        (ramp((24, 40), "uint16"), True),
    ],
    ids=["color", "gray", "alpha", "linear", "linear gray"],
)
def test_colors_that_a_jpeg_xl_names_are_kept_in_png_without_a_warning(image, linear):
    """Linear samples would otherwise be shown as those of sRGB, too dark."""
    picture = read(jxl(image))
    assert picture.warning == ""
    assert (b"cICP\x01\x08\x00\x01" in encode(picture, ImageFormat.PNG)) is linear


def codestream(*colors: tuple[int, int]) -> bytes:
    """The header of a JPEG XL of 16 bits and 8 x 8 pixels, with these fields of its colors: values and their bits."""
    size, depth = ((1, 1), (0, 5), (1, 3)), ((0, 1), (3, 2), (15, 6))
    fields = (*size, (0, 1), (0, 1), *depth, (0, 1), (0, 2), (0, 1), (0, 1), *colors)
    value = shift = 0
    for field, bits in fields:
        value, shift = value | field << shift, shift + bits
    return b"\xff\x0a" + value.to_bytes(60, "little")


def enumerated(value: int) -> tuple[tuple[int, int], ...]:
    """An enumeration of JPEG XL: 0, 1, or four bits from 2 on."""
    return ((value, 2),) if value < 2 else ((2, 2), (value - 2, 4))


ENUMERATED = (0, 1)
D65, P3, CINEMA = enumerated(1), enumerated(11), enumerated(11)


@pytest.mark.parametrize(
    ("fields", "colors"),
    [
        ([*enumerated(0), *D65, *enumerated(1), (0, 1), *enumerated(13)], (1, 13)),
        ([*enumerated(0), *D65, *P3, (0, 1), *enumerated(13)], (12, 13)),
        ([*enumerated(0), *CINEMA, *P3, (0, 1), *enumerated(17)], (11, 17)),
        ([*enumerated(0), *D65, *enumerated(9), (0, 1), *enumerated(16)], (9, 16)),
        ([*enumerated(1), *D65, (0, 1), *enumerated(8)], (1, 8)),
        ([*enumerated(1), *D65, (1, 1), (4_545_455, 24)], None),
        ([*enumerated(0), *enumerated(10), *enumerated(1), (0, 1), *enumerated(13)], None),
        ([*enumerated(0), *D65, *enumerated(2), (0, 1), *enumerated(13)], None),
        ([*enumerated(0), *D65, *enumerated(1), (0, 1), *enumerated(2)], None),
        ([*enumerated(2)], None),
    ],
    ids=["sRGB", "P3", "cinema", "PQ", "linear gray", "an exponent", "white E", "custom", "unknown", "XYB"],
)
def test_the_colors_of_a_jpeg_xl_are_read_from_its_header(fields, colors):
    """As numbers of ITU-T H.273; None if it cannot give them."""
    assert read_header(codestream(ENUMERATED, *fields)) == Header(8, 8, bits=16, colors=colors)


def test_a_color_profile_of_a_jpeg_xl_is_seen_in_its_header():
    """As an ICC profile; the JPEG itself, with the profile, is what is read."""
    data = pillow_file(ramp(), "JPEG", icc_profile=srgb_profile())
    converted = bytes(format_files.imagecodecs.jpegxl_encode_jpeg(data, numthreads=1))
    cut = converted.replace(b"jbrd", b"free")
    assert (read(converted).warning, read(converted).metadata.icc) == ("", srgb_profile())
    assert ("color profile" in read(cut).warning, read(cut).metadata.icc) == (True, None)


@pytest.mark.parametrize("most", [1, 7, 255, 1000, 4095, 65535])
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("samples", [1, 3])
def test_netpbm_is_read_in_both_spellings_with_any_maximum(most, plain, samples):
    """The maximum is white; comments may stand anywhere in the header."""
    values = np.arange(24 * 9 * samples).reshape(24, 9, samples) * 13 % (most + 1)
    letter = {(1, False): 5, (3, False): 6, (1, True): 2, (3, True): 3}[samples, plain]
    head = f"P{letter}\n# by hand\n9 # wide\n24\n{most}\n".encode()
    body = (
        " ".join(map(str, values.ravel())).encode() if plain else values.astype(">u2" if most > 255 else "u1").tobytes()
    )
    target = 255 if most < 256 else 65535
    got = read(head + body).samples()
    np.testing.assert_array_equal(got, np.rint(values * (target / most)))
    assert got.dtype == (np.uint8 if most < 256 else np.uint16)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_netpbm_comes_back_as_it_was(dtype, samples):
    """What is written as PNM is read back."""
    picture = read(encode(read(png_of(ramp((9, 8, samples), dtype))), ImageFormat.PNM))
    np.testing.assert_array_equal(picture.samples(), ramp((9, 8, samples), dtype), strict=True)


def png_of(image: PixelArray) -> bytes:
    """A PNG of any samples."""
    return bytes(format_files.imagecodecs.png_encode(image))


@pytest.mark.parametrize("cut", [b"P5\n4 4\n255\n" + bytes(15), b"P2\n4 4\n255\n1 2 3", b"P4\n9 2\n" + bytes(3)])
def test_a_cut_netpbm_is_refused(cut):
    """With how much is there."""
    with pytest.raises(UndecodableImage, match="incomplete"):
        read(cut)


@pytest.mark.parametrize("scale", ["0", "-0.0", "1e-999", "1e999"])
def test_a_pfm_without_a_usable_scale_is_refused_by_name(scale):
    """Its sign is the byte order."""
    with pytest.raises(UndecodableImage, match=r"the PFM file has the scale (-?0|inf): write -1"):
        read(f"Pf\n4 4\n{scale}\n".encode() + bytes(64))


def test_a_plain_bitmap_is_black_where_it_says_1():
    """Its digits need no space between them."""
    np.testing.assert_array_equal(pixels(b"P1 3 2 010\n1 0 1"), [[255, 0, 255], [0, 255, 0]])


def test_the_first_frame_of_a_gif_is_read():
    """Gray if its colors are gray, with alpha if a color is transparent."""
    gray = ramp((33, 48))
    np.testing.assert_array_equal(pixels(gif(gray, gray[::-1])), gray, strict=True)
    palette = Image.fromarray(ramp((33, 48, 3))).quantize(16)
    picture = read(pillow_file(palette, "GIF", transparency=0))
    assert (picture.channels, picture.has_alpha) == (3, True)
    np.testing.assert_array_equal(picture.alpha[0] == 0, np.asarray(palette) == 0)


@pytest.mark.parametrize("format", ["PNG", "WebP", "AVIF", "JPEG XL"])
def test_of_an_animation_the_first_frame_is_read_with_a_warning(format):
    """Only TIFF and NPY are stacks."""
    frames = [ramp((24, 40, 3)), ramp((24, 40, 3))[::-1], ramp((24, 40, 3))[:, ::-1]]
    for count, warning in ((3, f"only the first frame of the {format} was read"), (1, "")):
        picture = read(animation(format, *frames[:count]))
        assert picture.warning == warning
        assert picture.frames[0].shape == (24, 40, 3)
        assert np.abs(picture.frames[0].astype(int) - frames[0]).max() <= (4 if format == "AVIF" else 0)


@pytest.mark.parametrize("thumbnail", [False, True])
def test_a_camera_raw_file_is_developed_with_the_cameras_white_balance(thumbnail):
    """A gray ramp is gray, 16 bits, and brighter to the right; its thumbnail is not what is read."""
    picture = read(dng(mosaic(), thumbnail=thumbnail))
    assert (picture.frames[0].shape, picture.dtype) == ((64, 96, 3), np.uint16)
    means = picture.frames[0][8:-8, 8:-8].mean(axis=0)
    neutral = np.abs(means[:, :1] / means[:, 1:] - 1)
    assert neutral.max() < 0.2
    assert (np.diff(means[::8, 1]) > 0).all()


def test_a_camera_raw_file_is_upright():
    """By its orientation."""
    assert read(dng(mosaic(), orientation=TURNED)).frames[0].shape == (96, 64, 3)


@pytest.mark.parametrize("compression", [34713, 32767])
def test_raw_data_behind_a_thumbnail_is_not_read_as_the_thumbnail(compression):
    """Nikon's and Sony's files are TIFF files by their first bytes; LibRaw develops them, or refuses."""
    data = format_files.nef_like(compression)
    assert identify(data) is ImageFormat.RAW
    try:
        assert read(data).frames[0].shape == (32, 32, 3)
    except (UndecodableImage, UnsupportedMedia):
        assert compression == 34713


@pytest.mark.parametrize(
    "start",
    [b"FUJIFILMCCD-RAW 0201", format_files.iso_media(b"crx "), b"II*\0\x10\0\0\0CR\x02\0", b"IIU\0", b"IIRO\x08\0"],
)
def test_raw_files_are_known_by_their_first_bytes(start):
    """RAF, CR3, CR2, RW2 and ORF."""
    assert identify(start + bytes(64)) is ImageFormat.RAW


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_fits_comes_back_as_it_was(dtype):
    """Values, dtype and coordinates."""
    image = (ramp((24, 40), "uint8").astype(np.float64) * 100).astype(dtype)
    picture = read(fits_file(image, OBJECT="M 31", CRVAL1=10.7, EXPTIME=30.0))
    np.testing.assert_array_equal(picture.raster(), image, strict=True)
    with astropy_fits.open(io.BytesIO(encode(picture, ImageFormat.FITS))) as file:
        np.testing.assert_array_equal(file[0].data, image)
        assert (file[0].header["OBJECT"], file[0].header["CRVAL1"]) == ("M 31", 10.7)


def blank_file(image: PixelArray, *, compressed: bool = False, **cards: object) -> bytes:
    """A FITS whose header has BLANK, plain or compressed in tiles."""
    hdu = astropy_fits.CompImageHDU(image) if compressed else astropy_fits.ImageHDU(image)
    hdu.header.update({"BLANK": -32768, **cards})
    buffer = io.BytesIO()
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(buffer)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["int16", "int32", "uint16"])
def test_pixels_of_a_fits_that_are_blank_are_called_so(dtype, compressed):
    """Integers have no NaN; stored -32768 is 0 of uint16."""
    image = np.stack([ramp((16, 18)).astype(dtype) + 1] * 2)
    image[1, 3, 4:6] = 0 if dtype == "uint16" else -32768
    with pytest.raises(InvalidPixels, match=r"2 pixels are BLANK \(-32768\).* frame 1: replace them") as refusal:
        read(blank_file(image, compressed=compressed))
    assert refusal.value.facts == {"count": 2, "frame": 1}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["int16", "int32", "uint16"])
def test_a_fits_without_blank_pixels_keeps_its_integers(dtype, compressed):
    """Its header may have BLANK, whatever the value; it is no NaN for which they would become floats."""
    image = ramp((16, 18)).astype(dtype) + 1
    # In tiles, astropy wants one that fits.
    for blank in (-32768,) if compressed else (-32768, 2**20, "none", 0.5):
        picture = read(blank_file(image, compressed=compressed, BLANK=blank))
        np.testing.assert_array_equal(picture.raster(), image, strict=True)
    with astropy_fits.open(io.BytesIO(encode(picture, ImageFormat.FITS))) as file:
        assert "BLANK" not in file[0].header


@pytest.mark.filterwarnings("ignore")
def test_scaled_integers_of_a_fits_are_floats_without_blank():
    """BSCALE makes them so."""
    data = fits_file(ramp((16, 18)).astype("int16"), BLANK=-5, EXPTIME=1.0)
    scaled = data.replace(b"EXPTIME =                  1.0", b"BSCALE  =                  0.5")
    np.testing.assert_array_equal(pixels(scaled), ramp((16, 18)).astype("float32") / 2, strict=True)


def test_a_damaged_card_costs_no_image_and_no_other_card():
    """It is left out of the answer's header."""
    data = fits_file(ramp((16, 18)), OBJECT="M 31", EXPTIME=30.0, FILTER="R")
    for broken in (
        b"EXPTIME = \x8030.0",
        b"EX\xd4TIME =  30.0",
        b"EXP IME = '30.0",
        b"EXPTIME = (1,",
        b"=XPTIME 30.0  ",
    ):
        at = data.index(b"EXPTIME")
        picture = read(data[:at] + broken + data[at + len(broken) :])
        with astropy_fits.open(io.BytesIO(encode(picture, ImageFormat.FITS))) as file:
            np.testing.assert_array_equal(file[0].data, ramp((16, 18)))
            assert (file[0].header["OBJECT"], file[0].header["FILTER"]) == ("M 31", "R")


def test_a_fits_cube_is_a_stack_and_an_extension_is_found():
    """As surveys store them; compressed in tiles too."""
    cube = np.stack([ramp((16, 18), "uint16")] * 3)
    assert len(read(fits_file(cube)).frames) == 3
    for extension in (astropy_fits.ImageHDU(cube[0]), astropy_fits.CompImageHDU(cube[0])):
        buffer = io.BytesIO()
        astropy_fits.HDUList([astropy_fits.PrimaryHDU(), extension]).writeto(buffer)
        np.testing.assert_array_equal(pixels(buffer.getvalue()), cube[0], strict=True)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16"])
def test_dicom_gives_the_stored_values(dtype, syntax):
    """Without and with compression."""
    image = (ramp((24, 40), dtype).astype(int) - (100 if dtype.startswith("int") else 0)).astype(dtype)
    np.testing.assert_array_equal(pixels(dicom(image, syntax=syntax)), image, strict=True)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize(("dtype", "depth"), [("uint16", 12), ("int16", None)])
def test_dicom_of_twelve_bits_has_its_values_and_its_bit_depth(dtype, depth, syntax):
    """BitsStored is 12. The depth of signed values is that of their dtype, as in arrays."""
    image = noise((24, 40), dtype) >> 4
    picture = read(dicom(image, bits=12, syntax=syntax))
    np.testing.assert_array_equal(picture.raster(), image, strict=True)
    assert picture.bit_depth == depth


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_dicom_colors_and_frames_are_read_in_every_compression(syntax):
    """RGB, and a stack."""
    color, stack = ramp((24, 40, 3)), np.stack([ramp((16, 18), "uint16"), ramp((16, 18), "uint16")[::-1]])
    np.testing.assert_array_equal(pixels(dicom(color, syntax=syntax)), color, strict=True)
    frames = read(dicom(stack, frames=2, syntax=syntax)).frames
    np.testing.assert_array_equal(np.stack(frames)[..., 0], stack, strict=True)


def test_a_dicom_whose_values_exceed_its_bits_has_the_depth_of_its_dtype():
    """Old devices keep overlays in the upper bits; nothing is cut off."""
    assert read(dicom(noise((24, 40), "uint16"), bits=16)).bit_depth is None
    assert read(dicom(noise((24, 40), "uint8"))).bit_depth is None


def test_dicom_colors_frames_and_inverted_gray_are_read():
    """And nothing of the patient is kept."""
    color, stack = ramp((24, 40, 3)), np.stack([ramp((16, 18), "uint16")] * 3)
    np.testing.assert_array_equal(pixels(dicom(color)), color)
    assert len(read(dicom(stack, frames=3)).frames) == 3
    inverted = ramp((24, 40), "uint16") >> 4
    np.testing.assert_array_equal(pixels(dicom(inverted, color="MONOCHROME1", bits=12)), 4095 - inverted)
    for format in (ImageFormat.TIFF, ImageFormat.NPY):
        assert b"Secret" not in encode(read(dicom(color)), format)


@pytest.mark.parametrize("format", list(extras.EXTRAS))
def test_a_missing_library_is_named_with_its_command(format, monkeypatch):
    """Not "unsupported": the operator can install it."""
    sample = {"heic": "heic", "raw": "dng", "fits": "fits", "dicom": "dicom"}[format]
    monkeypatch.setattr(extras, "installed", lambda each: each not in extras.EXTRAS)
    with pytest.raises(UnsupportedMedia) as refusal:
        read(FILES[sample])
    assert f"pip install 'biasfree[{extras.EXTRAS[format].name}]'" in refusal.value.detail
    assert "png" in refusal.value.detail
    assert format.kind in refusal.value.detail
    assert format.media_type not in refusal.value.facts["supported"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"8BPS\0\1", "Photoshop"),
        (b"v/1\x01\x02\0\0\0", "OpenEXR"),
        (format_files.iso_media(b"isom"), "Video"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"II\xbc\x01", "JPEG XR"),
    ],
)
def test_what_is_not_read_is_named(data, name):
    """With what is read."""
    with pytest.raises(UnsupportedMedia, match=name) as refusal:
        read(data + bytes(32))
    assert {"png", "heic", "raw"} <= set(refusal.value.detail.replace(",", "").split())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\3\4\x14\0", "a ZIP archive, such as NPZ: send its files one by one"),
        (b"\x1f\x8b\x08\0", "unpack it"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\n<!DOCTYPE html><title>504</title>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"iVBORw0KGgoAAAANSUhEUg", "base64"),
        (b"data:image/png;base64,iVBOR", "base64"),
        (b'{"image": "iVBO', "application/json"),
    ],
)
def test_what_is_no_image_is_named_with_what_to_do(data, words):
    """The answer is the same with and without a declared type."""
    with pytest.raises(UnsupportedMedia, match=words) as refusal:
        read(data + bytes(32))
    assert {"png", "heic", "raw"} <= set(refusal.value.detail.replace(",", "").split())
    with pytest.raises(UndecodableImage, match=words):
        decode(data + bytes(32), limits=LIMITS, declared=ImageFormat.PNG)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_dicom_without_its_preamble_is_read(syntax):
    """Some programs leave out the first 132 bytes, which say nothing."""
    image = ramp((24, 40), "uint16")
    np.testing.assert_array_equal(pixels(dicom(image, syntax=syntax)[132:]), image, strict=True)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("codestream", ["jp2", "j2k"])
def test_a_jpeg_2000_needs_no_end_marker(dtype, codestream):
    """The lengths of its tiles say that no pixel is missing."""
    image = noise((48, 64, 3), dtype)
    data = imagecodecs.jpeg2k_encode(image, level=0, reversible=True, codecformat=codestream)
    np.testing.assert_array_equal(pixels(data.removesuffix(b"\xff\xd9")), image, strict=True)
    for missing in (3, 4, 20, len(data) // 2):
        with pytest.raises(UndecodableImage):
            read(data[:-missing])


@pytest.mark.parametrize(
    ("bits", "masks"), [(32, (0x3FF00000, 0xFFC00, 0x3FF)), (16, (0xF00, 0xF0, 0xF))], ids=["10 bits", "4 bits"]
)
def test_a_bmp_of_an_unusual_layout_is_not_called_damaged(bits, masks):
    """The file is whole, but Pillow does not read it."""
    header = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, bits, 3, 16, 0, 0, 0, 0) + struct.pack("<3I", *masks)
    data = b"BM" + struct.pack("<IHHI", 66 + 16, 0, 0, 66) + header + bytes(16)
    with pytest.raises(UnsupportedMedia, match="bitfields layout"):
        read(data)

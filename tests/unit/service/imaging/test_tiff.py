"""TIFFs of other writers: byte orders, planes, tiles, compressions, photometrics."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from tifffile import TiffFile, TiffWriter

from service.errors import ImageTooLarge, UndecodableImage, UnsupportedMedia
from service.imaging import ImageFormat, ImageLimits, Picture, decode, encode
from tests.unit.service.imaging.samples import LIMITS, noise, picture, pillow_file, srgb_profile


def tiff(*pages: np.ndarray, byteorder: str = "<", bigtiff: bool = False, **options) -> bytes:
    """A TIFF as tifffile writes it."""
    buffer = io.BytesIO()
    with TiffWriter(buffer, byteorder=byteorder, bigtiff=bigtiff) as writer:
        for page in pages:
            writer.write(page, **{"metadata": None, "photometric": "minisblack", **options})
    return buffer.getvalue()


def read(data: bytes, limits: ImageLimits = LIMITS) -> Picture:
    """Decode under the tests' limits."""
    return decode(data, limits=limits)


def patched(data: bytes, code: int, value: int) -> bytes:
    """A little-endian TIFF with the inline value of one tag of its first page changed."""
    with TiffFile(io.BytesIO(data)) as parsed:
        offset = parsed.pages[0].tags[code].valueoffset
        size = 2 if parsed.pages[0].tags[code].dtype == 3 else 4
    return data[:offset] + value.to_bytes(size, "little") + data[offset + size :]


@pytest.mark.parametrize("compression", [None, "lzw", "adobe_deflate", "zstd", "packbits"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_compressed_and_tiled_files_are_read(compression, tile, dtype):
    """Ragged last tiles included."""
    image = noise((37, 29), dtype)
    got = read(tiff(image, compression=compression, tile=tile)).frames[0][..., 0]
    np.testing.assert_array_equal(got, image, strict=True)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_big_endian_files_become_native(dtype, byteorder):
    """The dtype of a frame does not tell where it came from."""
    image = noise((7, 5), dtype)
    np.testing.assert_array_equal(read(tiff(image, byteorder=byteorder)).frames[0][..., 0], image, strict=True)


def test_bigtiff_is_read():
    """64-bit offsets."""
    np.testing.assert_array_equal(read(tiff(noise((7, 5)), bigtiff=True)).frames[0][..., 0], noise((7, 5)))


@pytest.mark.parametrize("samples", [3, 4])
def test_separate_planes_are_interleaved(samples):
    """(S, H, W) on disk is (H, W, S) here."""
    image = noise((7, 5, samples), "uint16")
    options = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["unassalpha"] * (samples - 3)}
    got = read(tiff(np.moveaxis(image, -1, 0), **options)).samples()
    np.testing.assert_array_equal(got, image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_white_zero_is_turned_round(dtype):
    """Fax and X-ray files count from white."""
    image = noise((7, 5), dtype)
    got = read(tiff(image, photometric="miniswhite"))
    np.testing.assert_array_equal(got.frames[0][..., 0], np.iinfo(dtype).max - image, strict=True)
    assert got.metadata.inverted_bits == np.iinfo(dtype).bits
    assert read(tiff(image)).metadata.inverted_bits is None


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_a_fax_is_refused_by_name(compression):
    """No decoder here reports damage in one: it returns black rows."""
    with pytest.raises(UnsupportedMedia, match="CCITT"):
        read(pillow_file(noise((37, 50)) > 127, "TIFF", compression=compression))


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_ends_before_its_pages_is_incomplete(share):
    """Pillow writes the pixels first, and the list of pages behind them."""
    data = pillow_file(noise((37, 50)), "TIFF", compression="tiff_lzw")
    with pytest.raises(UndecodableImage, match="incomplete"):
        read(data[: int(share * len(data))])


@pytest.mark.parametrize("compression", ["webp", "jpeg2000", 33005])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("samples", [3, 4])
def test_images_inside_strips_and_tiles_are_read(compression, tile, samples):
    """WebP and JPEG 2000 without loss, with alpha."""
    image = noise((37, 29, samples))
    image[..., 3:] |= 1  # WebP forgets colors under alpha 0
    extra = ["unassalpha"] * (samples - 3)
    data = tiff(image, compression=compression, tile=tile, photometric="rgb", extrasamples=extra)
    np.testing.assert_array_equal(read(data).samples(), image, strict=True)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_gray_jpeg_2000_inside_is_read(dtype):
    """Scanners of slides and satellites write it."""
    image = noise((37, 29), dtype)
    np.testing.assert_array_equal(read(tiff(image, compression="jpeg2000")).frames[0][..., 0], image, strict=True)


@pytest.mark.parametrize("compression", ["webp", "jpeg2000"])
def test_an_image_larger_than_its_tile_is_refused(compression):
    """Its decoder would allocate what its own header says."""
    data = tiff(noise((512, 512, 3)), compression=compression, tile=(512, 512), photometric="rgb")
    for tag, side in ((256, 16), (257, 16), (322, 16), (323, 16)):
        data = patched(data, tag, side)
    with pytest.raises(UndecodableImage, match="an image of 512 x 512 pixels in a strip of 16 x 16"):
        read(data)


def test_a_strip_of_deeper_samples_than_the_page_is_refused():
    """They would be cut to 8 bits."""
    deep = imagecodecs.jpeg2k_encode(noise((16, 16), "uint16"), level=0, reversible=True, codecformat="j2k")
    buffer = io.BytesIO()
    with TiffWriter(buffer) as writer:
        writer.write(iter([deep]), shape=(16, 16), dtype="u1", tile=(16, 16), compression="jpeg2000", metadata=None)
    with pytest.raises(UndecodableImage, match="other samples than it says"):
        read(buffer.getvalue())


def test_one_bit_becomes_eight():
    """Black and white are 0 and 255."""
    image = noise((7, 11)) > 127
    np.testing.assert_array_equal(read(pillow_file(image, "TIFF")).frames[0][..., 0], image * np.uint8(255))
    inverted = tiff(image, photometric="miniswhite", bitspersample=1)
    np.testing.assert_array_equal(read(inverted).frames[0][..., 0], ~image * np.uint8(255))


def test_twelve_bits_keep_their_values():
    """Packed camera data are not stretched: what is 4095 stays 4095."""
    packed = struct.pack(">3B", 0xFF, 0xF0, 0x01)
    data = tiff(np.zeros((1, 2), "uint16"), compression=None)
    with TiffFile(io.BytesIO(data)) as parsed:
        start = parsed.pages[0].dataoffsets[0]
    data = patched(data[:start] + packed + data[start + 3 :], 258, 12)
    assert read(data).frames[0].ravel().tolist() == [4095, 1]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_palette_is_looked_up(channels):
    """In 16 bits of which 8 count; all grays make a gray image."""
    colors = noise((256, 3))[:, :channels].repeat(3 // channels, axis=1)
    index = noise((7, 5))
    data = tiff(index, photometric="palette", colormap=colors.T.astype("uint16") * 257)
    np.testing.assert_array_equal(read(data).frames[0], colors[index][..., :channels])


def test_cmyk_becomes_rgb():
    """No ink is white, full key is black."""
    ink = np.zeros((1, 2, 4), "uint8")
    ink[0, 1, 3] = 255
    assert read(pillow_file(Image.fromarray(ink, "CMYK"), "TIFF")).frames[0].tolist() == [[[255] * 3, [0] * 3]]


def test_premultiplied_alpha_stays_premultiplied():
    """The tag that says so is written again, and formats without it are refused."""
    data = tiff(noise((7, 5, 4)), photometric="rgb", extrasamples=["assocalpha"])
    with TiffFile(io.BytesIO(encode(read(data), ImageFormat.TIFF))) as parsed:
        assert parsed.pages[0].extrasamples == (1,)


def test_profile_and_resolution_are_kept():
    """Per inch and per centimetre alike."""
    icc = srgb_profile()
    image = tiff(noise((4, 3, 3)), photometric="rgb", iccprofile=icc, resolution=(100, 50), resolutionunit="CENTIMETER")
    again = read(encode(read(image), ImageFormat.TIFF))
    assert again.metadata.icc == icc
    assert again.metadata.dpi == pytest.approx((254, 127))


def test_thumbnails_are_left_out():
    """A reduced copy of the noisy image would contradict the denoised one."""
    buffer = io.BytesIO()
    with TiffWriter(buffer) as writer:
        writer.write(noise((8, 8)), metadata=None)
        writer.write(noise((4, 4)), metadata=None, subfiletype=1)
    picture = read(buffer.getvalue())
    assert [frame.shape for frame in picture.frames] == [(8, 8, 1)]
    assert picture.warning == "1 page(s) with a smaller copy or a mask were left out"
    assert read(tiff(noise((8, 8)))).warning == ""


@pytest.mark.parametrize("second", [noise((8, 8), "uint16"), noise((8, 8, 3))])
def test_pages_of_several_kinds_are_refused(second):
    """One result has one dtype and one color."""
    buffer = io.BytesIO()
    with TiffWriter(buffer) as writer:
        writer.write(noise((8, 8)), metadata=None, photometric="minisblack")
        writer.write(second, metadata=None, photometric="rgb" if second.ndim == 3 else "minisblack")
    with pytest.raises(UnsupportedMedia, match="several dtypes or colors"):
        read(buffer.getvalue())


def test_images_hidden_behind_one_page_are_refused():
    """Writers may leave out the page headers of a stack; nothing is dropped silently."""
    buffer = io.BytesIO()
    with TiffWriter(buffer) as writer:
        writer.write(noise((3, 8, 8)), truncate=True, photometric="minisblack")
    with pytest.raises(UnsupportedMedia, match="one page per image"):
        read(buffer.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        tiff(noise((7, 5)).astype("complex64")),
        tiff(noise((7, 5), "int16"), photometric="miniswhite"),
        tiff(noise((16, 16, 3)), compression="jpegxr", photometric="rgb"),
        patched(tiff(noise((16, 16, 3)), compression="webp", photometric="rgb"), 262, 6),
    ],
    ids=["complex", "white zero, signed", "JPEG XR inside", "WebP that says YCbCr"],
)
def test_other_kinds_are_refused_with_what_is_supported(data):
    """The caller can convert."""
    with pytest.raises(UnsupportedMedia) as refusal:
        read(data)
    assert refusal.value.facts["supported"]


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_samples_of_unspecified_meaning_are_channels_and_stay_so(photometric):
    """An infrared or a second stain is no alpha: ExtraSamples 0 (TIFF 6.0, section 18)."""
    samples = noise((7, 5, 5), "uint16")
    count = 2 if photometric == "rgb" else 4
    data = tiff(samples, planarconfig="contig", photometric=photometric, extrasamples=["unspecified"] * count)
    image = read(data)
    assert (image.channels, image.has_alpha) == (5, False)
    again = encode(image, ImageFormat.TIFF)
    np.testing.assert_array_equal(read(again).frames[0], samples)
    with TiffFile(io.BytesIO(again)) as file:
        assert tuple(file.pages[0].extrasamples) == (0,) * count
        assert file.pages[0].photometric.name.lower() == photometric


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_three_channels_that_are_no_colors_do_not_become_colors(planar):
    """Three stains of minimum black used to be written as red, green and blue."""
    samples = noise((7, 5, 3), "uint16")
    stored = np.moveaxis(samples, -1, 0) if planar == "separate" else samples
    image = read(tiff(stored, planarconfig=planar, extrasamples=["unspecified"] * 2))
    again = encode(image, ImageFormat.TIFF)
    np.testing.assert_array_equal(read(again).frames[0], samples)
    with TiffFile(io.BytesIO(again)) as file:
        assert (file.pages[0].photometric.name, tuple(file.pages[0].extrasamples)) == ("MINISBLACK", (0, 0))


@pytest.mark.parametrize("alpha", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize(("photometric", "samples"), [("rgb", 5), ("rgb", 6), ("minisblack", 3), ("minisblack", 5)])
def test_alpha_may_follow_channels_of_unspecified_meaning(photometric, samples, alpha):
    """An infrared channel and a mask; both were refused."""
    stored = noise((7, 5, samples), "uint16")
    extra = ["unspecified"] * (samples - (4 if photometric == "rgb" else 2)) + [alpha]
    image = read(tiff(stored, planarconfig="contig", photometric=photometric, extrasamples=extra))
    assert (image.channels, image.has_alpha) == (samples - 1, True)
    assert image.metadata.premultiplied is (alpha == "assocalpha")
    with TiffFile(io.BytesIO(encode(image, ImageFormat.TIFF))) as file:
        page = file.pages[0]
        np.testing.assert_array_equal(page.asarray(), stored)
        assert [each.name.lower() for each in page.extrasamples] == extra
        assert page.photometric.name.lower() == photometric


def test_an_unsupported_photometric_interpretation_is_named():
    """Its number would tell nobody anything."""
    with pytest.raises(UnsupportedMedia, match="CIELAB"):
        read(tiff(noise((7, 5, 3)), photometric="cielab"))


def test_too_many_pages_are_refused():
    """And not counted to the end."""
    with pytest.raises(ImageTooLarge) as refusal:
        read(tiff(*[noise((2, 2))] * 9))
    assert refusal.value.facts["limit"] == 8


def test_pages_in_a_circle_end():
    """The last page may point back to the first."""
    data = tiff(noise((2, 2)), noise((2, 2)))
    with TiffFile(io.BytesIO(data)) as parsed:
        first = parsed.pages[0].offset
        last = parsed.pages[1]
        end = last.offset + 2 + 12 * len(last.tags)
    with pytest.raises(ImageTooLarge):
        read(data[:end] + struct.pack("<I", first) + data[end + 4 :])


def test_limits_count_all_pages():
    """Three pages of 64 pixels are 192."""
    with pytest.raises(ImageTooLarge) as refusal:
        read(tiff(*[noise((8, 8))] * 3), ImageLimits(max_pixels=191, max_frames=3))
    assert refusal.value.facts == {"limit": 191, "actual": 192}


def test_more_pages_than_allowed_are_not_counted():
    """The list of pages may have no end."""
    with pytest.raises(ImageTooLarge, match="the image has 3 or more frames; at most 2"):
        read(tiff(*[noise((8, 8))] * 5), ImageLimits(max_pixels=10**6, max_frames=2))


def test_a_huge_tile_is_refused_from_the_header():
    """A tile is allocated whole, however little of it shows."""
    data = patched(tiff(noise((16, 16)), tile=(16, 16)), 322, 65_536 - 16)
    with pytest.raises(ImageTooLarge):
        read(patched(data, 323, 65_536 - 16))


def test_a_tile_does_not_inflate_beyond_its_size():
    """A deflate bomb in a small tile is damage."""
    buffer = io.BytesIO()
    with TiffWriter(buffer) as writer:
        bomb = iter([imagecodecs.zlib_encode(bytes(50_000_000))])
        writer.write(bomb, shape=(16, 16), dtype="u1", tile=(16, 16), compression="adobe_deflate", metadata=None)
    with pytest.raises(UndecodableImage):
        read(buffer.getvalue())


def test_written_files_open_in_pillow():
    """Other readers agree on the pixels."""
    image = picture((6, 5, 3))
    with Image.open(io.BytesIO(encode(image, ImageFormat.TIFF))) as seen:
        np.testing.assert_array_equal(np.asarray(seen), image.frames[0])

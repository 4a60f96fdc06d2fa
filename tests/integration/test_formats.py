"""The formats that people have, over HTTP: read, answered in what was sent or the nearest lossless format, or named."""

import io
from pathlib import Path
from typing import Any

import httpx
import imagecodecs
import numpy as np
import pytest
import tifffile
from astropy.io import fits
from PIL import Image
from pydicom import dcmread

from biasfree import load
from biasfree_client._formats import media_type
from biasfree_client.cli.sources import Selection
from service.imaging import ImageFormat, ImageLimits, decode, encode, extras, identify
from tests.integration.images import npy, photograph, with_noise
from tests.unit.service.imaging import format_files
from tests.unit.service.imaging.format_files import dicom, dng, fits_file, heic, mosaic, ramp
from tests.unit.service.imaging.samples import picture
from tests.unit.service.imaging.test_bombs import BOMBS

FILES, VARIANTS = format_files.files(), format_files.variants()
LIMITS = ImageLimits(max_pixels=1_000_000, max_frames=8)
#: A browser's, and Java's HttpURLConnection's.
BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


async def post(
    client: httpx.AsyncClient, content: bytes, declared: str = "", accept: str = "*/*", **params: Any
) -> httpx.Response:
    """Ask /denoise."""
    headers = {"Content-Type": declared or "application/octet-stream", "Accept": accept}
    return await client.post("/denoise", params=params, content=content, headers=headers)


def tiff(array: np.ndarray, **options: Any) -> bytes:
    """A file as tifffile writes it."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", FILES)
async def test_every_format_is_denoised_without_asking_for_one(client: httpx.AsyncClient, kind: str) -> None:
    """The answer holds every sample that came, in the format that came, or in PNG, TIFF or FITS."""
    picture = decode(FILES[kind], limits=LIMITS)
    answer = await post(client, FILES[kind], picture.format.media_type)
    assert answer.status_code == 200, answer.text
    expected = {"pam": "pnm", "ppm": "pnm", "pgm": "pnm", "pbm": "pnm"}.get(kind.split()[0], picture.format.value)
    written = {"avif", "pnm", "fits"}
    if expected == "avif" and picture.dtype == np.uint16:
        expected = "png"
    elif expected not in written or kind == "pfm":
        fits_png = picture.dtype.kind == "u" and len(picture.frames) == 1
        expected = "png" if fits_png else "tiff"
    assert answer.headers["Content-Type"] == ImageFormat(expected).media_type
    back = decode(answer.content, limits=LIMITS)
    assert (back.dtype, back.pixels, len(back.frames)) == (picture.dtype, picture.pixels, len(picture.frames))


@pytest.mark.parametrize("accept", ["*/*", "image/*", BROWSER, JAVA])
@pytest.mark.parametrize("kind", ["heic", "gif", "dng", "jxl", "jp2"])
async def test_what_cannot_be_written_is_answered_without_loss(
    client: httpx.AsyncClient, kind: str, accept: str
) -> None:
    """Whatever browsers and libraries name by default."""
    answer = await post(client, FILES[kind], accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")


async def test_a_telephones_picture_is_denoised_like_the_png_of_it(client: httpx.AsyncClient) -> None:
    """Upright and with its alpha."""
    picture = decode(FILES["heic alpha"], limits=LIMITS)
    one = await post(client, FILES["heic alpha"])
    buffer = io.BytesIO()
    Image.fromarray(picture.raster()).save(buffer, "PNG")
    other = await post(client, buffer.getvalue())
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(one.content))), np.asarray(Image.open(io.BytesIO(other.content)))
    )


async def test_a_raw_file_comes_back_developed(client: httpx.AsyncClient) -> None:
    """16 bits, upright."""
    answer = await post(client, dng(mosaic(), orientation=6), "image/x-adobe-dng")
    back = decode(answer.content, limits=LIMITS)
    assert (back.dtype, back.frames[0].shape) == (np.uint16, (96, 64, 3))


async def test_a_fits_keeps_its_header(client: httpx.AsyncClient) -> None:
    """FITS in, FITS out."""
    image = (100 * with_noise(photograph(64), 25)).astype(np.float32)
    answer = await post(client, fits_file(image, OBJECT="M 31", CRPIX1=32.5), "image/fits")
    assert answer.headers["Content-Type"] == "image/fits"
    with fits.open(io.BytesIO(answer.content)) as file:
        assert (file[0].header["OBJECT"], file[0].header["CRPIX1"], file[0].data.dtype) == ("M 31", 32.5, ">f4")
        assert np.abs(file[0].data - 100 * photograph(64)).mean() < np.abs(image - 100 * photograph(64)).mean() / 2


async def test_a_map_keeps_its_place_and_its_pixels_without_data(client: httpx.AsyncClient) -> None:
    """They influence no others: the rest is what a smooth continuation in their place would have given."""
    image = (100 + 50 * with_noise(photograph(64), 25)).astype(np.float32)
    image[20:30, 20:40] = -9999
    answer = await post(client, tiff(image, metadata=None, extratags=format_files.GEOTIFF), "image/tiff")
    with tifffile.TiffFile(io.BytesIO(answer.content)) as file:
        denoised = file.asarray()
        assert file.geotiff_metadata["ModelTiepoint"][3:5] == [500000.0, 6000000.0]
        assert file.pages[0].nodata == -9999
    np.testing.assert_array_equal(denoised == -9999, image == -9999)
    data = image != -9999
    clean = 100 + 50 * photograph(64)
    assert np.abs(denoised - clean)[data].mean() < np.abs(image - clean)[data].mean() / 2


async def test_blank_pixels_of_a_fits_are_named(client: httpx.AsyncClient) -> None:
    """422, in the words of the format."""
    image = ramp((24, 40)).astype(np.int16)
    image[5, 5] = -32768
    answer = await post(client, fits_file(image, BLANK=-32768), "image/fits")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:biasfree:problem:invalid-pixels")
    assert answer.json()["detail"].startswith("1 pixels are BLANK (-32768)")


@pytest.mark.parametrize("compression", ["jpeg", "lzw"])
async def test_compressed_tiff_is_read(client: httpx.AsyncClient, compression: str) -> None:
    """In tiles; the answer is a TIFF without loss."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, ramp((64, 80, 3)), photometric="rgb", tile=(32, 32), compression=compression)
    answer = await post(client, buffer.getvalue(), "image/tiff")
    assert tifffile.imread(io.BytesIO(answer.content)).shape == (64, 80, 3)


async def test_a_missing_library_is_named(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """415, with the command, and with what is read."""
    monkeypatch.setattr(extras, "installed", lambda each: each not in extras.EXTRAS)
    answer = await post(client, FILES["dng"])
    assert answer.status_code == 415
    assert "this is a camera raw file" in answer.json()["detail"]
    assert "pip install 'biasfree[raw]'" in answer.json()["detail"]
    assert "image/png" in answer.json()["supported"]


@pytest.mark.parametrize("data", [b"8BPS\0\1" + bytes(64), format_files.iso_media(b"isom")])
async def test_what_is_not_read_is_named(client: httpx.AsyncClient, data: bytes) -> None:
    """A Photoshop file and a video."""
    answer = await post(client, data)
    assert answer.status_code == 415
    assert answer.json()["detail"].startswith(("Photoshop files", "Video files"))
    assert "heic" in answer.json()["detail"]


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_the_clients_error(client: httpx.AsyncClient, name: str) -> None:
    """Its cost is measured where it is decoded."""
    answer = await post(client, BOMBS[name]())
    assert answer.status_code in {400, 413, 415}, answer.text


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
async def test_quality_is_the_callers(client: httpx.AsyncClient, format: str) -> None:
    """Fewer bytes for a lower one."""
    noisy = np.clip(255 * with_noise(photograph(96, channels=3), 20), 0, 255).astype(np.uint8)
    sizes = []
    for quality in (20, 90):
        answer = await post(client, npy(noisy), "application/x-npy", format=format, quality=quality)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"image/{format}")
        sizes.append(len(answer.content))
    assert sizes[0] < 0.7 * sizes[1]
    assert (await post(client, npy(noisy), "application/x-npy", format=format, quality=101)).status_code == 422


async def test_sixteen_bits_are_reduced_to_eight_on_request(client: httpx.AsyncClient) -> None:
    """Denoised first; without the request the refusal names it."""
    noisy = np.clip(65535 * with_noise(photograph(96), 20), 0, 65535).astype(np.uint16)
    refused = await post(client, npy(noisy), "application/x-npy", format="jpeg")
    assert refused.status_code == 406
    assert "bits=8" in refused.json()["detail"]
    assert (await post(client, npy(noisy), "application/x-npy", format="jpeg", bits=8)).status_code == 200
    deep = await post(client, npy(noisy), "application/x-npy", format="png")
    flat = await post(client, npy(noisy), "application/x-npy", format="png", bits=8)
    expected = np.rint(decode(deep.content, limits=LIMITS).raster() / 257)
    np.testing.assert_array_equal(decode(flat.content, limits=LIMITS).raster(), expected)
    floats = await post(client, npy(noisy.astype(np.float32)), "application/x-npy", bits=8)
    assert floats.status_code == 422


@pytest.mark.parametrize("kind", FILES)
def test_the_client_knows_every_format_by_its_content(kind: str) -> None:
    """As the service does."""
    assert media_type(FILES[kind]) == identify(FILES[kind]).media_type


@pytest.mark.parametrize(
    "name", ["a.gif", "b.HEIC", "c.dng", "d.CR3", "e.jxl", "f.jp2", "g.ppm", "h.fits", "i.dcm", "j.avif", "k.jfif"]
)
def test_the_command_line_takes_every_format_in_a_folder(name: str, tmp_path: Path) -> None:
    """None is passed over silently."""
    (tmp_path / name).write_bytes(b"an image")
    assert [source.path.name for source in Selection([str(tmp_path)]).find().sources] == [name]


async def test_the_accepted_media_types_are_listed(client: httpx.AsyncClient) -> None:
    """In /limits, with those of the new formats."""
    listed = (await client.get("/limits")).json()["media_types"]
    assert {"image/heic", "image/avif", "image/jxl", "image/x-adobe-dng", "application/dicom"} <= set(listed)


@pytest.mark.parametrize("declared", ["image/heif", "image/x-canon-cr2", "image/x-portable-pixmap", "image/jxl"])
async def test_a_body_is_judged_by_its_content_not_its_media_type(client: httpx.AsyncClient, declared: str) -> None:
    """File managers name types loosely."""
    assert (await post(client, heic(ramp()), declared)).status_code == 200


async def test_what_was_assumed_or_left_out_is_said(client: httpx.AsyncClient) -> None:
    """A first axis that may be channels, and the further frames of an animation; with axes there is nothing to say."""
    array = npy(np.ones((3, 8, 9), np.uint8))
    answer = await post(client, array)
    assert "axes=CYX if the first axis is channels" in answer.headers["X-Warning"]
    report = (await post(client, array, accept="application/json")).json()
    assert report["warning"] == answer.headers["X-Warning"]
    for params in ({"axes": "CYX"}, {"axes": "ZYX"}):
        assert "X-Warning" not in (await post(client, array, **params)).headers
    frames = [Image.new("L", (8, 8), value) for value in (10, 200)]
    for count, expected in ((2, "only the first frame of the GIF was read"), (1, None)):
        file = io.BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:count])
        assert (await post(client, file.getvalue())).headers.get("X-Warning") == expected
    for names, expected in ((["SCI"], None), (["SCI", "ERR"], "only the first image of the FITS file was read")):
        file = io.BytesIO()
        images = [fits.ImageHDU(np.ones((8, 9), np.float32), name=name) for name in names]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(file)
        assert (await post(client, file.getvalue())).headers.get("X-Warning") == expected


async def test_further_images_of_a_file_are_named_in_the_answer(client: httpx.AsyncClient) -> None:
    """Two images in a PGM, and two arrays in an NPY; white space after the first one is none."""
    pgm, array = b"P5\n9 8\n255\n" + bytes(range(72)), npy(np.ones((8, 9), np.uint8))
    for one, name in ((pgm, "image of the PNM"), (array, "array of the NPY")):
        assert (await post(client, one + one)).headers["X-Warning"] == f"only the first {name} file was read"
        assert "X-Warning" not in (await post(client, one + b"\n")).headers


async def test_colors_that_the_wanted_format_cannot_state_are_warned_of(client: httpx.AsyncClient) -> None:
    """A wide gamut as JPEG; as PNG it stays."""
    wide = encode(picture((8, 9, 3), png_color=(3, ((b"cICP", bytes([12, 13, 0, 1])),))), ImageFormat.PNG)
    assert "JPEG cannot state the colors" in (await post(client, wide, format="jpeg")).headers["X-Warning"]
    assert "X-Warning" not in (await post(client, wide)).headers


@pytest.mark.parametrize("model", ["gray", "wavelet-bayes"])
async def test_floats_that_do_not_end_at_one_are_warned_of(client: httpx.AsyncClient, model: str) -> None:
    """If their noise is stronger than white; not without estimates, not if their depth is named, not for integers."""
    noisy = 255 * with_noise(photograph(64), 25)
    floats, params = npy(noisy.astype(np.float32)), {"model": model, "estimate": "true"}
    assert "as in bit_depth=8 for 0 to 255" in (await post(client, floats, **params)).headers["X-Warning"]
    for content, others in (
        (floats, {"model": model}),
        (floats, {**params, "bit_depth": 8}),
        (floats, {**params, "bit_depth": 1}),
        (npy((noisy / 255).astype(np.float32)), params),
        (npy(np.rint(noisy.clip(0, 255)).astype(np.uint8)), params),
    ):
        assert "X-Warning" not in (await post(client, content, **others)).headers


async def test_the_padding_of_a_dicom_comes_back_exactly(client: httpx.AsyncClient) -> None:
    """The other pixels do not depend on its value."""
    clean = 1000 + 500 * photograph(64)
    noisy = np.rint(clean + 500 * (with_noise(photograph(64), 25) - photograph(64))).astype(np.int16)
    results = []
    for padding in (-2000, -30000):
        noisy[:, :20] = padding
        dataset = dcmread(io.BytesIO(dicom(noisy)))
        dataset.add_new("PixelPaddingValue", "SS", padding)
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        answer = await post(client, buffer.getvalue(), format="npy")
        results.append(np.load(io.BytesIO(answer.content)))
        assert (results[-1][:, :20] == padding).all()
    np.testing.assert_array_equal(results[0][:, 20:], results[1][:, 20:])
    assert np.abs(results[0] - clean)[:, 20:].mean() < np.abs(noisy - clean)[:, 20:].mean() / 2


async def test_a_kind_of_jpeg_that_is_not_read_is_named(client: httpx.AsyncClient) -> None:
    """415, as of other formats."""
    deep = ramp((24, 40), "uint16")
    for data, name in (
        (imagecodecs.jpeg8_encode(deep >> 4, bitspersample=12), "a 12-bit JPEG"),
        (imagecodecs.ljpeg_encode(deep), "a lossless JPEG"),
        (imagecodecs.jpegls_encode(deep), "JPEG-LS"),
    ):
        answer = await post(client, bytes(data), "image/jpeg")
        assert (answer.status_code, answer.json()["type"]) == (415, "urn:biasfree:problem:unsupported-media")
        assert f"the file is {name}" in answer.json()["detail"]


async def test_a_form_with_two_images_is_refused(client: httpx.AsyncClient) -> None:
    """One of them would be dropped in silence."""
    part = ("a.npy", npy(np.ones((8, 9), np.uint8)), "application/x-npy")
    answer = await client.post("/denoise", files=[("image", part), ("image", part)])
    assert answer.status_code == 400
    assert "one image per request" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/denoise", "/v1/denoise", "/analyze"])
async def test_a_parameter_that_is_sent_twice_is_refused(client: httpx.AsyncClient, path: str) -> None:
    """The last value would win without a word."""
    query = [("model", "gray"), ("model", "color")]
    answer = await client.post(path, params=query, content=npy(np.ones((8, 9), np.uint8)))
    assert answer.status_code == 422
    assert answer.json()["detail"] == "model: given 2 times; send it once"


async def test_a_dicom_of_twelve_bits_comes_back_in_twelve_bits(client: httpx.AsyncClient) -> None:
    """BitsStored says so; what does not fit would not fit into the device's file again."""
    random = np.random.default_rng(0).integers(0, 4095, (40, 48), "uint16", endpoint=True)
    for params in ({"output": "residual"}, {"strength": 0}, {}):
        answer = await post(client, dicom(random, bits=12), format="npy", **params)
        back = np.load(io.BytesIO(answer.content))
        assert back.dtype == "uint16"
        assert back.max() <= 4095
        if "strength" in params:
            np.testing.assert_array_equal(back, random)


async def test_a_signed_dicom_is_denoised_as_the_array_of_its_values(client: httpx.AsyncClient) -> None:
    """To the bit; it has no bit depth but that of its dtype."""
    random = np.random.default_rng(0).integers(-2048, 2047, (40, 48), "int16", endpoint=True)
    answers = [
        await post(client, content, format="npy", estimate="true") for content in (dicom(random, bits=12), npy(random))
    ]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["X-Noise"] == answers[1].headers["X-Noise"]


async def test_the_bit_depth_of_a_file_is_white_unless_another_one_is_named(client: httpx.AsyncClient) -> None:
    """The noise level is on the 0-255 scale, and 4095 is 255 there."""
    noisy = np.clip(np.rint(4095 * with_noise(photograph(96), 20)), 0, 4095).astype(np.uint16)
    params = {"estimate": "true", "model": "gray"}
    levels = [
        (await post(client, content, **params, **more)).headers["X-Sigma-Estimate"]
        for content, more in (
            (dicom(noisy, bits=12), {}),
            (npy(noisy), {"bit_depth": 12}),
            (dicom(noisy, bits=12), {"bit_depth": 16}),
            (npy(noisy), {}),
        )
    ]
    assert levels[0] == levels[1] != levels[2] == levels[3]
    light = await post(client, dicom(noisy, bits=12), format="png", bits=8)
    named = await post(client, npy(noisy), format="png", bits=8, bit_depth=12)
    np.testing.assert_array_equal(
        decode(light.content, limits=LIMITS).raster(), decode(named.content, limits=LIMITS).raster()
    )


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint32", "int64", "uint64"])
async def test_integers_of_every_size_come_back_as_the_library_gives_them(
    client: httpx.AsyncClient, dtype: str
) -> None:
    """Counts are int64 in NumPy, and detectors write uint32."""
    clean = photograph(48)
    noisy = np.rint(100 * with_noise(clean, 20)).astype(dtype)
    expected = load("gray").denoise(noisy)
    for content, format in ((npy(noisy), "npy"), (tiff(noisy), "tiff")):
        answer = await post(client, content, model="gray")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, ImageFormat(format).media_type)
        back = decode(answer.content, limits=LIMITS).raster()
        assert back.dtype == dtype
        assert np.abs(back.astype(int) - expected.astype(int)).max() <= 1
    untouched = await post(client, npy(noisy), strength=0)
    np.testing.assert_array_equal(np.load(io.BytesIO(untouched.content)), noisy, strict=True)


async def test_a_mask_is_refused_with_what_to_do(client: httpx.AsyncClient) -> None:
    """Labels are no intensities."""
    answer = await post(client, npy(np.ones((8, 9), bool)))
    assert answer.status_code == 415
    assert "a mask is not denoised" in answer.json()["detail"]


@pytest.mark.parametrize("shape", ["(-1, 5)", "(True, 5)", "('a', 5)", "(2.0, 5)", "(5, -5, -1)"])
async def test_an_npy_whose_shape_is_none_is_refused(client: httpx.AsyncClient, shape: str) -> None:
    """NumPy reads -1 as "all there are"."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    answer = await post(client, b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(25))
    assert answer.status_code == 400, answer.text


async def test_a_damaged_jpeg_is_denoised_with_a_warning(client: httpx.AsyncClient) -> None:
    """Twenty bytes in its middle are overwritten."""
    buffer = io.BytesIO()
    Image.fromarray(np.clip(255 * with_noise(photograph(96, channels=3), 20), 0, 255).astype(np.uint8)).save(
        buffer, "JPEG", quality=95
    )
    whole = buffer.getvalue()
    middle = 4 * len(whole) // 10
    answer = await post(client, whole[:middle] + bytes(range(1, 21)) + whole[middle + 20 :])
    assert answer.status_code == 200
    assert answer.headers["X-Warning"].startswith("the JPEG is damaged, and parts of the picture may be wrong")
    assert "X-Warning" not in (await post(client, whole)).headers


@pytest.mark.parametrize("kind", VARIANTS)
async def test_unusual_files_of_usual_formats_are_denoised(client: httpx.AsyncClient, kind: str) -> None:
    """With a warning where a picture was left out."""
    answer = await post(client, VARIANTS[kind])
    assert answer.status_code == 200, answer.text
    warning = answer.headers.get("X-Warning", "")
    assert warning.startswith("only the first") is (kind == "mpo" or "animated" in kind)

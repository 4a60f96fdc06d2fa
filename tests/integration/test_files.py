"""Files as people have them: what hides, what the samples mean, what metadata says, what is a little broken."""

import io
import struct
import zlib
from typing import Any

import httpx
import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from tests.integration.images import from_npy, npy, photograph, psnr, with_noise

Array = npt.NDArray[Any]


def color(side: int = 96, sigma: float = 20) -> Array:
    """A noisy photograph (side, side, 3) uint8."""
    noisy = with_noise(photograph(side, channels=3), sigma)
    return np.clip(np.rint(255 * noisy), 0, 255).astype(np.uint8)


def gray(side: int = 96, sigma: float = 20) -> Array:
    """A noisy photograph (side, side) uint8."""
    noisy = with_noise(photograph(side), sigma)
    return np.clip(np.rint(255 * noisy), 0, 255).astype(np.uint8)


def file_of(array: Array, format: str, **options: Any) -> bytes:
    """A file as Pillow writes it."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format, **options)
    return buffer.getvalue()


def tiff_of(array: Array, **options: Any) -> bytes:
    """A file as tifffile writes it."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


async def post(client: httpx.AsyncClient, content: bytes, media_type: str, **params: Any) -> httpx.Response:
    """Ask /denoise."""
    return await client.post("/denoise", params=params, content=content, headers={"Content-Type": media_type})


async def denoised(client: httpx.AsyncClient, content: bytes, media_type: str, **params: Any) -> bytes:
    """The image that comes back."""
    answer = await post(client, content, media_type, **params)
    assert answer.status_code == 200, answer.text
    return answer.content


def pixels(content: bytes) -> Array:
    """An image file as an array."""
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("channels", [1, 3])
async def test_what_hides_under_alpha_0_changes_no_visible_pixel(client: httpx.AsyncClient, channels: int) -> None:
    """Black, white or another picture; and it comes back as it was."""
    image = (gray() if channels == 1 else color()).reshape(96, 96, channels)
    alpha = np.full((96, 96, 1), 255, np.uint8)
    alpha[20:70, 30:] = 0
    results = []
    for hidden in (0, 255, image[::-1]):
        colors = np.where(alpha > 0, image, hidden).astype(np.uint8)
        sent = np.dstack([colors, alpha])
        back = pixels(await denoised(client, file_of(sent, "PNG"), "image/png"))
        np.testing.assert_array_equal(back[alpha[..., 0] == 0], sent[alpha[..., 0] == 0])
        results.append(back[alpha[..., 0] > 0])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    clean = (255 * photograph(96, channels=channels)).reshape(96, 96, channels)[alpha[..., 0] > 0]
    assert psnr(clean / 255, results[0][:, :channels] / 255) > psnr(clean / 255, image[alpha[..., 0] > 0] / 255) + 5


async def test_premultiplied_colors_are_seen_as_they_look(client: httpx.AsyncClient) -> None:
    """Opaque pixels beside half-transparent ones come back as from the same image that is not premultiplied."""
    image = color()
    alpha = np.full((96, 96, 1), 255, np.uint8)
    alpha[:, 48:] = 128
    straight = np.dstack([image, alpha])
    associated = np.dstack([np.rint(image * (alpha / 255)).astype(np.uint8), alpha])
    one = tifffile.imread(
        io.BytesIO(
            await denoised(client, tiff_of(straight, photometric="rgb", extrasamples=["unassalpha"]), "image/tiff")
        )
    )
    other = tifffile.imread(
        io.BytesIO(
            await denoised(client, tiff_of(associated, photometric="rgb", extrasamples=["assocalpha"]), "image/tiff")
        )
    )
    assert np.abs(one[:, :48].astype(int) - other[:, :48]).max() <= 2
    assert other[:, 48:, :3].max() <= 129


async def test_unspecified_samples_are_denoised_and_stay_unspecified(client: httpx.AsyncClient) -> None:
    """A second stain is a channel, not an alpha."""
    stains = np.dstack([gray(), gray()[::-1]])
    content = await denoised(client, tiff_of(stains, photometric="minisblack", planarconfig="contig"), "image/tiff")
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages[0]
        back, extra = page.asarray(), tuple(page.extrasamples)
    assert extra == (0,)
    alone = pixels(await denoised(client, file_of(stains[..., 1], "PNG"), "image/png", model="gray"))
    np.testing.assert_array_equal(back[..., 1], alone)


async def test_three_stains_are_denoised_each_alone(client: httpx.AsyncClient) -> None:
    """They are no colors, and have no noise in common."""
    stains = np.dstack([gray(64), gray(64)[::-1], gray(64)[:, ::-1]])
    sent = tiff_of(stains, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"] * 2)
    back = tifffile.imread(io.BytesIO(await denoised(client, sent, "image/tiff", model="gray")))
    by_default = tifffile.imread(io.BytesIO(await denoised(client, sent, "image/tiff")))
    assert back.shape == by_default.shape == stains.shape
    for channel in range(3):
        alone = pixels(await denoised(client, file_of(stains[..., channel], "PNG"), "image/png", model="gray"))
        np.testing.assert_array_equal(back[..., channel], alone)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
async def test_no_strength_is_exact_for_premultiplied_colors(client: httpx.AsyncClient, dtype: str) -> None:
    """Floats were divided by alpha and multiplied again; colors brighter than their alpha allows were clipped."""
    sent = np.random.default_rng(0).random((16, 16, 4))
    sent = (sent if dtype.startswith("float") else sent * np.iinfo(dtype).max).astype(dtype)
    content = tiff_of(sent, photometric="rgb", extrasamples=["assocalpha"])
    back = tifffile.imread(io.BytesIO(await denoised(client, content, "image/tiff", strength=0)))
    np.testing.assert_array_equal(back, sent, strict=True)


@pytest.mark.parametrize("axes", ["CYX", "YXC", "ZYXC"])
async def test_any_number_of_channels_is_denoised_along_named_axes(client: httpx.AsyncClient, axes: str) -> None:
    """Each as the gray image that it is."""
    bands = np.stack([np.roll(gray(64), shift, axis=0) for shift in range(5)]).astype(np.float32)
    order = {"CYX": (0, 1, 2), "YXC": (1, 2, 0), "ZYXC": (1, 2, 0)}[axes]
    array = bands.transpose(order)[None] if axes.startswith("Z") else bands.transpose(order)
    back = from_npy(await denoised(client, npy(array), "application/x-npy", axes=axes, model="gray"))
    assert back.shape == array.shape
    alone = from_npy(await denoised(client, npy(bands[3]), "application/x-npy", model="gray"))
    np.testing.assert_array_equal(back[3] if axes == "CYX" else back[..., 3].reshape(64, 64), alone)


async def test_a_color_model_refuses_five_channels(client: httpx.AsyncClient) -> None:
    """With what to use instead; it was a failure of the device."""
    answer = await post(client, npy(np.ones((32, 32, 5), np.uint8)), "application/x-npy", axes="YXC", model="color")
    assert answer.status_code == 422
    assert "use a gray model" in answer.json()["detail"]


@pytest.mark.parametrize("shape", [(64, 64, 2), (64, 64, 5), (100, 50, 4)])
async def test_ambiguous_arrays_are_refused_with_the_parameter_to_say(
    client: httpx.AsyncClient, shape: tuple[int, ...]
) -> None:
    """Never silently the wrong axis."""
    answer = await post(client, npy(np.ones(shape, np.float32)), "application/x-npy")
    assert answer.status_code == 415
    assert "axes=" in answer.json()["detail"]


def png_with(array: Array, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with further chunks after its header."""
    plain = file_of(array, "PNG")
    made = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return plain[:33] + b"".join(made) + plain[33:]


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455))],
        [
            (b"gAMA", struct.pack(">I", 100000)),
            (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        ],
        [(b"cICP", bytes([9, 16, 0, 1])), (b"cLLI", struct.pack(">II", 10_000_000, 4_000_000))],
        [(b"sBIT", bytes([5, 6, 5]))],
    ],
)
async def test_chunks_that_say_what_the_samples_mean_are_kept(
    client: httpx.AsyncClient, chunks: list[tuple[bytes, bytes]]
) -> None:
    """Dropping them would change what the picture looks like."""
    content = await denoised(client, png_with(color(32), *chunks), "image/png")
    for kind, data in chunks:
        assert struct.pack(">I", len(data)) + kind + data in content


@pytest.mark.parametrize(
    ("options", "axes"),
    [
        (
            {"imagej": True, "resolution": (2.5, 2.5), "metadata": {"axes": "TZCYX", "unit": "um", "spacing": 0.5}},
            "TZCYX",
        ),
        (
            {"ome": True, "metadata": {"axes": "TZCYX", "PhysicalSizeX": 0.4, "Channel": {"Name": ["DAPI", "GFP"]}}},
            "TZCYX",
        ),
    ],
    ids=["ImageJ", "OME"],
)
async def test_axes_and_units_of_microscopes_are_kept(
    client: httpx.AsyncClient, options: dict[str, Any], axes: str
) -> None:
    """Fiji opens a hyperstack, not so many slices."""
    stack = np.stack([gray(24)] * 8).reshape(2, 2, 2, 24, 24)
    content = await denoised(client, tiff_of(stack, **options), "image/tiff")
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert (file.series[0].axes, file.series[0].shape) == (axes, stack.shape)
        text = file.pages[0].description
    assert ("unit=um" in text) if "imagej" in options else ("DAPI" in text and "PhysicalSizeX" in text)


async def test_no_valid_pixel_becomes_one_without_data(client: httpx.AsyncClient) -> None:
    """Dark pixels are rounded to 0, which is what GDAL's tag calls no data."""
    noise = np.random.default_rng(3).normal(3, 6, (96, 96))
    image = np.clip(np.round(noise), 1, None).astype(np.uint16)
    image[:10] = 0
    content = await denoised(client, tiff_of(image, extratags=[(42113, 2, 0, "0", True)]), "image/tiff")
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(content)) == 0, image == 0)


async def test_descriptions_follow_the_pixels(client: httpx.AsyncClient) -> None:
    """Colors that become gray, and 16 bits that become 8."""
    colors = tiff_of(color(48).astype(np.uint16) * 257, photometric="rgb", ome=True)
    content = await denoised(client, colors, "image/tiff", color="gray", bits=8)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert (file.series[0].shape, file.series[0].dtype) == ((48, 48), np.uint8)
        assert 'SizeC="1"' in file.ome_metadata
        assert 'Type="uint8"' in file.ome_metadata
    stack = tiff_of(gray(48).astype(np.uint16) * 257, imagej=True, metadata={"max": 60000, "Ranges": (0.0, 60000.0)})
    content = await denoised(client, stack, "image/tiff", bits=8)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert max(file.imagej_metadata.get("Ranges", [0])) <= 255
        assert file.imagej_metadata.get("max", 0) <= 255


async def test_planes_come_back_as_planes(client: httpx.AsyncClient) -> None:
    """With the axes of the file."""
    bands = np.stack([np.roll(gray(48), shift, axis=0) for shift in range(5)])
    sent = tiff_of(bands, photometric="minisblack", planarconfig="separate")
    content = await denoised(client, sent, "image/tiff")
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.series[0].shape == bands.shape
        assert file.pages[0].planarconfig == 2
        alone = pixels(await denoised(client, file_of(bands[3], "PNG"), "image/png", model="gray"))
        np.testing.assert_array_equal(file.asarray()[3], alone)


async def test_an_avif_keeps_the_colors_that_it_names(client: httpx.AsyncClient) -> None:
    """Display P3, and PQ of 10 bits asked for in 8."""
    deep = color(48).astype(np.uint16) * 4
    for image, bits, codes, params in (
        (color(48), 8, (12, 13), {}),
        (deep, 10, (9, 16), {"bits": 8, "format": "avif"}),
    ):
        primaries, transfer = codes
        options = {"bitspersample": bits, "primaries": primaries, "transfer": transfer, "matrix": 6}
        content = await denoised(client, imagecodecs.avif_encode(image, **options), "image/avif", **params)
        assert struct.unpack(">HH", content[content.find(b"nclx") + 4 :][:4]) == codes


async def test_text_of_a_png_is_kept(client: httpx.AsyncClient) -> None:
    """The author and the copyright, among others."""
    text = [(b"tEXt", b"Author\0Ada"), (b"iTXt", b"Copyright\0\0\0\0\0CC0"), (b"tEXt", b"Place\0Helgoland")]
    content = await denoised(client, png_with(color(32), *text), "image/png")
    assert [payload in content for _, payload in text] == [True, True, False]


@pytest.mark.parametrize("tag", [("resolution as SHORT", 3, 1, (300,)), ("as FLOAT", 11, 1, (300.0,))], ids=str)
async def test_an_odd_type_of_a_tag_costs_no_picture(client: httpx.AsyncClient, tag: tuple[str, int, int, Any]) -> None:
    """Resolution is a RATIONAL; some writers disagree."""
    _, dtype, count, value = tag
    content = tiff_of(gray(24), extratags=[(282, dtype, count, value[0], True), (283, dtype, count, value[0], True)])
    assert (await post(client, content, "image/tiff")).status_code == 200


async def test_a_resolution_beyond_16_bits_is_kept(client: httpx.AsyncClient) -> None:
    """A microscope at 0.1 micrometers per pixel has 254,000 dpi."""
    content = await denoised(
        client, tiff_of(gray(24), resolution=(254_000, 254_000), resolutionunit="inch"), "image/tiff"
    )
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.pages[0].tags["XResolution"].value[0] / file.pages[0].tags["XResolution"].value[1] == 254_000


async def test_a_jpeg_that_only_lacks_its_end_is_read(client: httpx.AsyncClient) -> None:
    """And so is one behind zero bytes; both give what the whole file gives."""
    whole = file_of(color(), "JPEG", quality=90)
    expected = await denoised(client, whole, "image/jpeg", format="png")
    assert whole.endswith(b"\xff\xd9")
    assert await denoised(client, whole[:-2], "image/jpeg", format="png") == expected
    assert await denoised(client, bytes(7) + whole, "image/jpeg", format="png") == expected


@pytest.mark.parametrize("left", [0.3, 0.7])
async def test_a_cut_jpeg_is_refused_with_how_much_is_there(client: httpx.AsyncClient, left: float) -> None:
    """To about a tenth of its rows."""
    whole = file_of(color(160), "JPEG", quality=90)
    answer = await post(client, whole[: int(len(whole) * left)], "image/jpeg")
    assert answer.status_code == 400
    assert answer.json()["present"] == pytest.approx(left, abs=0.15)
    progressive = file_of(color(160), "JPEG", quality=90, progressive=True)
    assert (await post(client, progressive[: int(len(progressive) * left)], "image/jpeg")).status_code == 400


@pytest.mark.parametrize("count", [10**6, 2**31])
async def test_strip_counts_beyond_the_file_cost_nothing_where_no_pixel_is_missing(
    client: httpx.AsyncClient, count: int
) -> None:
    """A cut file stays refused."""
    content = tiff_of(gray(24))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tag = file.pages[0].tags["StripByteCounts"]
        size = {3: 2, 4: 4}[int(tag.dtype)]
        place, order = tag.valueoffset, file.byteorder
    if size == 2:
        content = tiff_of(gray(24), bigtiff=False, rowsperstrip=24)
    patched = (
        content[:place]
        + struct.pack(order + "HI"[size == 4], min(count, 65535 if size == 2 else count))
        + content[place + size :]
    )
    answer = await post(client, patched, "image/tiff")
    assert answer.status_code == 200
    np.testing.assert_array_equal(
        tifffile.imread(io.BytesIO(answer.content)),
        tifffile.imread(io.BytesIO(await denoised(client, content, "image/tiff"))),
    )
    assert (await post(client, content[:-200], "image/tiff")).status_code == 400


@pytest.mark.parametrize("alpha", [0, 255])
async def test_a_bmp_whose_fourth_byte_is_padding_stays_an_opaque_bmp(client: httpx.AsyncClient, alpha: int) -> None:
    """Windows leaves 0 there."""
    image = color(40)
    content = file_of(np.dstack([image, np.full((40, 40), alpha, np.uint8)]), "BMP")
    answer = await post(client, content, "image/bmp")
    assert answer.headers["Content-Type"] == "image/bmp"
    back = Image.open(io.BytesIO(answer.content))
    assert (back.mode, back.size) == ("RGB", (40, 40))


@pytest.mark.parametrize("offset", [1e6, 1e8, 1e10])
async def test_a_signal_on_a_large_offset_is_denoised(client: httpx.AsyncClient, offset: float) -> None:
    """Float32 would leave steps of 8 on 1e8."""
    noisy = 2 * with_noise(photograph(64), 25).astype(np.float64)
    alone = from_npy(await denoised(client, npy(noisy), "application/x-npy", model="gray"))
    moved = from_npy(await denoised(client, npy(noisy + offset), "application/x-npy", model="gray"))
    np.testing.assert_allclose(moved - offset, alone, atol=1e-4 + 1e-15 * offset)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float64"])
async def test_strength_0_is_exact(client: httpx.AsyncClient, dtype: str) -> None:
    """For every dtype, and on an offset."""
    noisy = (gray(32).astype(np.float64) + (1e9 + 0.1 if dtype == "float64" else 0)).astype(dtype)
    back = from_npy(await denoised(client, npy(noisy), "application/x-npy", strength=0))
    np.testing.assert_array_equal(back, noisy, strict=True)


@pytest.mark.parametrize(
    ("array", "format", "words"),
    [
        (gray(16).astype(np.uint16), "jpeg", "JPEG holds 8 bits per channel"),
        (np.stack([gray(16)] * 2), "png", "PNG holds one image, and these are 2"),
        (gray(16).astype(np.float32), "png", "PNG holds 16 bits per channel, and these pixels are float32"),
    ],
)
async def test_a_refused_format_says_why_and_what_to_ask_for(
    client: httpx.AsyncClient, array: Array, format: str, words: str
) -> None:
    """In the user's words."""
    answer = await post(client, npy(array), "application/x-npy", format=format)
    assert answer.status_code == 406
    assert words in answer.json()["detail"]
    assert "ask for" in answer.json()["detail"]

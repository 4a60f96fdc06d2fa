"""``POST /denoise`` as its user meets it: the real network, real images, every way in and out."""

import asyncio
import base64
import io
import tempfile

import httpx
import numpy as np
import pytest
import skimage.transform
import tifffile
from PIL import Image
from scipy import ndimage

import biasfree
from biasfree.artifact import SHIPPED, Artifact
from biasfree.engines.onnx_engine import OnnxEngine
from tests.integration.images import NPY, from_npy, npy, photograph, psnr, with_noise

pytestmark = pytest.mark.anyio


def png(array: np.ndarray, mode: str | None = None) -> bytes:
    """An 8-bit PNG."""
    buffer = io.BytesIO()
    Image.fromarray(array, mode).save(buffer, "PNG")
    return buffer.getvalue()


def to_uint8(image: np.ndarray) -> np.ndarray:
    """[0, 1] -> uint8."""
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


async def denoise(client: httpx.AsyncClient, array: np.ndarray, **query) -> np.ndarray:
    """An array through the service."""
    answer = await client.post("/denoise", content=npy(array), headers=NPY, params=query)
    assert answer.status_code == 200, answer.text
    return from_npy(answer.content)


@pytest.mark.parametrize("channels", [1, 3])
async def test_a_photograph_gains_several_decibels(client, channels):
    """From 20 dB to more than 28 at sigma 25, gray and colour."""
    clean = photograph(channels=channels)
    noisy = with_noise(clean, 25).astype(np.float32)
    denoised = await denoise(client, noisy)
    assert psnr(clean, noisy) < 20.5
    assert psnr(clean, denoised) > 28


@pytest.mark.parametrize("sigma_255", [5, 50, 100, 150, 200])
async def test_every_noise_level_improves_far_outside_the_training_range_too(client, sigma_255):
    """Trained up to 100; homogeneity carries it on."""
    clean = photograph()
    noisy = with_noise(clean, sigma_255).astype(np.float32)
    assert psnr(clean, await denoise(client, noisy)) > psnr(clean, noisy) + 1


@pytest.mark.parametrize("channels", [1, 3])
async def test_a_clean_photograph_is_hardly_touched(client, channels):
    """At sigma 0 the result is within 45 dB of the input."""
    clean = photograph(512, channels=channels).astype(np.float32)
    assert psnr(clean, await denoise(client, clean)) > 45


async def test_the_range_of_the_intensities_does_not_matter(client):
    """uint8, uint16 (x257), floats in [0, 1] and in [0, 4095]: the same image up to rounding."""
    eight = to_uint8(with_noise(photograph(128), 25))
    reference = await denoise(client, eight.astype(np.float32))
    np.testing.assert_array_equal(await denoise(client, eight), np.clip(np.rint(reference), 0, 255))
    sixteen = await denoise(client, eight.astype(np.uint16) * 257)
    np.testing.assert_allclose(sixteen / 257, np.clip(reference, 0, 255), atol=0.5 / 257 + 1e-3)
    unit = await denoise(client, (eight / 255).astype(np.float32))
    np.testing.assert_allclose(unit * 255, reference, atol=1e-3)
    twelve = await denoise(client, (eight / 255 * 4095).astype(np.float32))
    np.testing.assert_allclose(twelve / 4095 * 255, reference, atol=1e-3)


@pytest.mark.parametrize("exponent", [-100, -20, 1, 20, 100])
async def test_a_power_of_two_passes_through_to_the_bit(client, exponent):
    """f(2^k y) = 2^k f(y) exactly, at both ends of what float64 holds without trouble."""
    noisy = with_noise(photograph(64), 25)
    scaled = await denoise(client, np.ldexp(noisy, exponent))
    np.testing.assert_array_equal(np.ldexp(scaled, -exponent), await denoise(client, noisy))


async def test_negative_values_are_data_like_any_other(client):
    """-y gives a finite image of the same shape and dtype, and no clipping."""
    noisy = with_noise(photograph(64), 25).astype(np.float32) - 0.5
    denoised = await denoise(client, noisy)
    assert denoised.min() < 0
    assert np.isfinite(denoised).all()


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 7), (7, 1), (2, 3), (8, 8), (61, 67), (513, 512), (700, 300), (3, 5, 3), (65, 70, 3)]
)
async def test_any_size_comes_back_in_its_size(client, shape):
    """Odd sides, single pixels, and sides beyond a tile."""
    noisy = np.random.default_rng(0).random(shape, np.float32)
    assert (await denoise(client, noisy)).shape == shape


async def test_tiled_is_whole(client):
    """An image of several tiles is what the network gives for the whole image, to 1e-5 of its range."""
    noisy = with_noise(photograph(772), 25).astype(np.float32)[:, :756]  # 3 x 3 tiles, one of them inside
    model = Artifact.load(SHIPPED / "gray.onnx")
    whole = OnnxEngine({"gray": model}, device="cpu").run("gray", noisy[None, None])[0, 0]
    np.testing.assert_allclose(await denoise(client, noisy, model="gray"), whole, atol=1e-5)


async def test_twenty_concurrent_requests_give_what_each_gives_alone(client):
    """Byte for byte, five sizes, gray and colour: nothing depends on what it was batched with."""
    shapes = [(64, 64), (64, 64, 3), (100, 130), (256, 256), (33, 47)]
    bodies = [npy(np.random.default_rng(number).random(shapes[number % 5], np.float32)) for number in range(20)]

    async def one(body: bytes) -> bytes:
        answer = await client.post("/denoise", content=body, headers=NPY)
        assert answer.status_code == 200
        return answer.content

    alone = [await one(body) for body in bodies]
    assert await asyncio.gather(*(one(body) for body in bodies)) == alone


async def test_the_three_ways_in_give_one_result(client):
    """Raw body, multipart field, JSON with base64 and with a data: URL."""
    image = png(to_uint8(with_noise(photograph(64), 25)))
    raw = await client.post("/denoise", content=image, headers={"Content-Type": "image/png"})
    form = await client.post("/denoise", files={"image": ("noisy.png", image, "image/png")})
    encoded = base64.b64encode(image).decode()
    plain = await client.post("/denoise", json={"image": encoded}, headers={"Accept": "image/png"})
    url = await client.post(
        "/denoise", json={"image": f"data:image/png;base64,{encoded}"}, headers={"Accept": "image/*"}
    )
    unnamed = await client.post("/denoise", content=image)
    assert raw.status_code == 200
    assert raw.headers["content-type"] == "image/png"
    assert form.content == plain.content == url.content == unnamed.content == raw.content


async def test_a_large_form_needs_no_temporary_file(client, monkeypatch, tmp_path):
    """A disk that is full or read-only is no reason to fail; the form parser would write what has more than 1 MB."""
    image = npy(np.ones((370, 370)))
    assert len(image) > 2**20
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    answer = await client.post("/denoise", files={"image": ("noisy.npy", image)})
    assert answer.status_code == 200


async def test_v1_is_the_same_route(client):
    """For clients that pin a version."""
    noisy = npy(photograph(32).astype(np.float32))
    answers = [await client.post(path, content=noisy, headers=NPY) for path in ("/denoise", "/v1/denoise")]
    assert answers[0].content == answers[1].content


async def test_json_comes_back_where_it_is_accepted(client):
    """Base64 and the facts of the headers."""
    noisy = with_noise(photograph(64), 25).astype(np.float32)
    answer = await client.post(
        "/denoise",
        content=npy(noisy),
        headers={**NPY, "Accept": "application/json", "X-Request-Id": "mine-1"},
        params={"estimate": "true"},
    )
    report = answer.json()
    np.testing.assert_array_equal(from_npy(base64.b64decode(report["image"])), await denoise(client, noisy))
    assert report["media_type"] == "application/x-npy"
    assert report["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert report["model"]["name"] == "gray"
    assert set(report["timing_ms"]) == {"decode", "queue", "infer", "encode"}
    assert float(answer.headers["x-sigma-estimate"]) == pytest.approx(report["sigma_estimate"], rel=0.005)
    noise = report["noise"]
    assert noise["level"] == report["sigma_estimate"]
    assert answer.headers["x-noise"].startswith(f"{noise['kind']}; level={answer.headers['x-sigma-estimate']}; ")
    assert f'description="{noise["description"]}"' in answer.headers["x-noise"]
    assert (report["estimated_psnr"] is None) == ("x-estimated-psnr-withheld" in answer.headers)
    assert report["estimated_psnr_withheld"] == answer.headers.get("x-estimated-psnr-withheld")


async def test_the_format_parameter_goes_before_accept(client):
    """And both before the format that was sent."""
    image = png(to_uint8(photograph(32)))

    async def kind(accept: str, **query) -> str:
        headers = {"Content-Type": "image/png", "Accept": accept}
        answer = await client.post("/denoise", content=image, headers=headers, params=query)
        return answer.headers["content-type"]

    assert await kind("*/*") == "image/png"
    assert await kind("image/webp") == "image/webp"
    assert await kind("image/webp;q=0.5, image/tiff") == "image/tiff"
    assert await kind("image/webp", format="npy") == "application/x-npy"
    assert await kind("text/html, image/*;q=0.1") == "image/png"


@pytest.mark.parametrize(("format", "lossless"), [("png", True), ("tiff", True), ("webp", True), ("bmp", True)])
async def test_every_lossless_format_holds_the_same_pixels(client, format, lossless):
    """The container does not matter."""
    image = to_uint8(with_noise(photograph(48, channels=3), 20))
    expected = await denoise(client, image)
    answer = await client.post("/denoise", content=npy(image), headers=NPY, params={"format": format})
    assert answer.headers["content-type"] == f"image/{format}"
    if format == "tiff":
        pixels = tifffile.imread(io.BytesIO(answer.content))
    else:
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
    np.testing.assert_array_equal(pixels, expected)


async def test_strength_blends_input_and_output(client):
    """0 is the input, 1 the network, a half the mean of both."""
    noisy = with_noise(photograph(64), 25).astype(np.float32)
    full = await denoise(client, noisy)
    np.testing.assert_array_equal(await denoise(client, noisy, strength=0), noisy)
    np.testing.assert_allclose(await denoise(client, noisy, strength=0.5), (noisy + full) / 2, atol=1e-6)


async def test_image_and_residual_add_up_to_the_input(client):
    """Floats around 0; 8-bit integers around 128."""
    noisy = with_noise(photograph(64), 25).astype(np.float32)
    residual = await denoise(client, noisy, output="residual")
    np.testing.assert_allclose(await denoise(client, noisy) + residual, noisy, atol=1e-6)
    eight = to_uint8(noisy)
    residual = (await denoise(client, eight, output="residual")).astype(int) - 128
    np.testing.assert_allclose((await denoise(client, eight)).astype(int) + residual, eight, atol=1)


async def test_bit_depth_clips_integers_where_the_sensor_does(client):
    """12-bit data in 16 bits never leaves 0..4095."""
    noisy = np.clip(np.rint(with_noise(photograph(64), 100) * 4095 * 1.4), 0, 4095).astype(np.uint16)
    assert (await denoise(client, noisy, bit_depth=12)).max() <= 4095


@pytest.mark.parametrize(("dtype", "white", "query"), [("uint8", 255, {}), ("uint16", 4095, {"bit_depth": 12})])
async def test_the_estimates_are_near_the_truth(client, dtype, white, query):
    """Noise level within a tenth, PSNR within 1.5 dB: on the 0-255 scale whatever the dtype."""
    clean = photograph(320)
    noisy = np.rint(np.clip(with_noise(clean, 20), 0, 1) * white).astype(dtype)
    answer = await client.post("/denoise", content=npy(noisy), headers=NPY, params={"estimate": "true", **query})
    assert float(answer.headers["x-sigma-estimate"]) == pytest.approx(20, rel=0.1)
    truth = psnr(clean, from_npy(answer.content) / white)
    assert float(answer.headers["x-estimated-psnr"]) == pytest.approx(truth, abs=1.5)


async def test_the_estimate_follows_the_strength(client):
    """With strength 0 the result is the input, and so is its PSNR."""
    clean = photograph(256)
    noisy = with_noise(clean, 30).astype(np.float32)
    answer = await client.post("/denoise", content=npy(noisy), headers=NPY, params={"estimate": "true", "strength": 0})
    assert float(answer.headers["x-estimated-psnr"]) == pytest.approx(psnr(clean, noisy), abs=0.7)


async def test_noise_that_is_not_white_gives_no_psnr(client):
    """Enlarged noise is correlated; whatever the network takes of it, the answer says why there is no PSNR."""
    clean = photograph(256)
    small = with_noise(photograph(128), 25)
    noisy = skimage.transform.resize(small, clean.shape, order=3).astype(np.float32)
    answer = await client.post("/denoise", content=npy(noisy), headers=NPY, params={"estimate": "true"})
    assert answer.headers["x-noise"].split(";")[0] in {"correlated", "little"}
    assert "x-estimated-psnr" not in answer.headers
    assert answer.headers["x-estimated-psnr-withheld"]


@pytest.mark.parametrize("share", [0.25, 0.5])
async def test_a_mask_does_not_lower_the_level(client, share):
    """Zeros of a mask are no data, and count as no clipping."""
    noisy = to_uint8(with_noise(photograph(320), 25))
    noisy[:, int(320 * (1 - share)) + 3 :] = 0
    answer = await client.post("/denoise", content=npy(noisy), headers=NPY, params={"estimate": "true"})
    assert float(answer.headers["x-sigma-estimate"]) == pytest.approx(25, rel=0.08)


async def test_a_level_far_below_one_has_its_digits(client):
    """Sixteen bits of which few are in use: the level was "0.00"."""
    noisy = np.rint(200 + np.random.default_rng(0).standard_normal((128, 128))).astype(np.uint16)
    answer = await client.post("/denoise", content=npy(noisy), headers=NPY, params={"estimate": "true"})
    assert float(answer.headers["x-sigma-estimate"]) == pytest.approx(255 * np.hypot(1, 12**-0.5) / 65535, rel=0.05)


async def test_strength_and_chroma_strength_part_luminance_and_color(client):
    """The luma stays as it was sent; a value outside [0, 1] is refused; of gray it changes nothing."""
    noisy = with_noise(photograph(64, channels=3), 25).astype(np.float32)
    result = await denoise(client, noisy, strength=0, chroma_strength=1)
    weights = (0.299, 0.587, 0.114)
    np.testing.assert_allclose(result @ weights, noisy @ weights, atol=1e-5)
    assert np.abs(result - noisy).max() > 0.05
    gray = noisy[..., 0].copy()
    np.testing.assert_array_equal(await denoise(client, gray, chroma_strength=0), await denoise(client, gray))
    refused = await client.post("/denoise", content=npy(noisy), headers=NPY, params={"chroma_strength": 1.5})
    assert refused.status_code == 422


async def test_the_estimate_follows_the_chroma_strength(client):
    """The PSNR is that of the image that is returned."""
    clean = photograph(256, channels=3)
    noisy = with_noise(clean, 30).astype(np.float32)
    query = {"estimate": "true", "strength": 0.3, "chroma_strength": 1}
    answer = await client.post("/denoise", content=npy(noisy), headers=NPY, params=query)
    truth = -10 * np.log10(np.mean((from_npy(answer.content) - clean) ** 2))
    assert float(answer.headers["x-estimated-psnr"]) == pytest.approx(truth, abs=0.7)


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff16", "rgba"])
async def test_a_gray_photograph_stored_as_rgb_stays_gray_and_gets_as_clean_as_the_gray_file(client, format):
    """R = G = B in the answer, each of them what the gray model makes of the one plane; alpha as it was."""
    gray = to_uint8(with_noise(photograph(128), 25))
    buffer = io.BytesIO()
    if format == "tiff16":
        gray = gray.astype(np.uint16) * 257
        tifffile.imwrite(buffer, np.dstack([gray] * 3), photometric="rgb")
    elif format == "rgba":
        alpha = np.random.default_rng(0).integers(1, 256, gray.shape, np.uint8)  # 0 would hide a pixel
        Image.fromarray(np.dstack([gray] * 3 + [alpha])).save(buffer, "PNG")
    else:
        Image.fromarray(np.dstack([gray] * 3)).save(
            buffer, format.upper(), **({"quality": 95} if format == "jpeg" else {})
        )
        gray = np.asarray(Image.open(buffer))[..., 0].copy()

    answer = await client.post("/denoise", content=buffer.getvalue())

    assert answer.headers["x-model"].startswith("gray;")
    content = io.BytesIO(answer.content)
    result = tifffile.imread(content) if format == "tiff16" else np.asarray(Image.open(content))
    assert (result.dtype, result.shape[2]) == (gray.dtype, 4 if format == "rgba" else 3)
    assert np.ptp(result[..., :3].astype(int), axis=2).max() == 0
    if format == "rgba":
        np.testing.assert_array_equal(result[..., 3], alpha)
    expected = await denoise(client, gray)
    if format != "jpeg":
        np.testing.assert_array_equal(result[..., 0], expected)
    white = np.iinfo(gray.dtype).max
    assert psnr(photograph(128), result[..., 0] / white) > psnr(photograph(128), gray / white) + 5


async def test_an_rgb_array_is_converted_to_gray_on_request(client):
    """``color=gray`` says what to convert to, not what the axes are: a picture of three channels is no stack."""
    noisy = to_uint8(with_noise(photograph(64, channels=3), 25))
    luma = np.asarray(Image.fromarray(noisy).convert("L"))
    result = await denoise(client, noisy, color="gray", model="gray")
    assert result.shape == (64, 64)
    np.testing.assert_allclose(result, await denoise(client, luma, model="gray"), atol=1)


async def test_equal_channels_of_a_stack_are_estimated_as_gray(client):
    """Noise that three equal channels share is not correlated noise; a residual is gray too."""
    gray = np.stack([with_noise(photograph(96), 25, seed=seed) for seed in range(2)]).astype(np.float32)
    stack = np.repeat(gray[..., None], 3, axis=3)
    headers = {}
    for array in (gray, stack):
        answer = await client.post("/denoise", content=npy(array), headers=NPY, params={"estimate": "true"})
        headers[array.ndim] = {name: answer.headers[name] for name in ("x-model", "x-noise", "x-estimated-psnr")}
    assert headers[3] == headers[4]
    residual = await denoise(client, stack, output="residual")
    np.testing.assert_array_equal(
        residual, np.repeat((await denoise(client, gray, output="residual"))[..., None], 3, axis=3)
    )


async def test_stacks_are_denoised_page_by_page(client):
    """A (Z, H, W) array is its pages, each as if alone, by the model that is named."""
    stack = np.stack([with_noise(photograph(40), sigma) for sigma in (5, 25, 60)]).astype(np.float32)
    pages = [await denoise(client, page, model="gray") for page in stack]
    np.testing.assert_array_equal(await denoise(client, stack, model="gray"), np.stack(pages))


async def chosen(client: httpx.AsyncClient, array: np.ndarray, **query) -> tuple[str, np.ndarray]:
    """The model that an array was denoised by, and the result."""
    answer = await client.post("/denoise", content=npy(array), headers=NPY, params=query)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-model"].partition(";")[0], from_npy(answer.content)


@pytest.mark.parametrize(
    ("query", "channels", "white", "any_noise"),
    [
        ({}, 1, "gray", "gray-real"),
        ({}, 3, "color", "color-real"),
        ({"model": "auto"}, 1, "gray", "gray-real"),
        ({"model": "best"}, 1, "gray-best", "gray-real"),
        ({"model": "best"}, 3, "color-best", "color-real"),
    ],
)
async def test_the_image_decides_between_two_models(client, query, channels, white, any_noise):
    """White noise goes to the model for white noise, blurred noise to the one for any, as if these were named.

    With ``best`` the latter averages over four orientations.
    """
    clean = photograph(channels=channels)
    noisy = with_noise(clean, 25).astype(np.float32)
    model, denoised = await chosen(client, noisy, **query)
    assert model == white
    np.testing.assert_array_equal(denoised, await denoise(client, noisy, model=white))
    noise = ndimage.gaussian_filter((noisy - clean), (1, 1, 0)[: clean.ndim])
    blurred = (clean + noise * (25 / 255 / noise.std())).astype(np.float32)
    model, denoised = await chosen(client, blurred, **query)
    assert model == any_noise
    orientations = 4 if query.get("model") == "best" else 1
    alone = await denoise(client, blurred, model=model, ensemble=orientations)
    np.testing.assert_array_equal(denoised, alone)
    np.testing.assert_array_equal(
        denoised, biasfree.load(query.get("model", "auto")).denoise(blurred, channel_axis=-1 if channels == 3 else None)
    )
    assert psnr(clean, denoised) > psnr(clean, blurred) + 2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quiet", [0, 5])
async def test_uneven_white_noise_is_removed_as_if_it_were_even(client, channels, quiet):
    """Noise beside a clean area, or of two levels, goes to the network for white noise, which learned it."""
    clean = photograph(192, channels=channels)
    loud = with_noise(clean, 40).astype(np.float32)
    uneven = loud.copy()
    uneven[:, :96] = with_noise(clean, quiet)[:, :96]
    model, denoised = await chosen(client, uneven)
    assert model == {1: "gray", 3: "color"}[channels]
    alone = await denoise(client, loud, model=model)
    assert psnr(clean[:, 104:], denoised[:, 104:]) > psnr(clean[:, 104:], alone[:, 104:]) - 1


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize("channels", [1, 3])
async def test_a_drawing_of_small_squares_is_not_smeared(client, channels, side):
    """Such as a heat map without noise. The network for any noise mostly takes the squares for noise."""
    values = np.random.default_rng(0).random((160 // side, 160 // side, channels))
    squares = np.kron(values, np.ones((side, side, 1))).squeeze().astype(np.float32)
    denoised = await denoise(client, squares)
    by_real = await denoise(client, squares, model={1: "gray-real", 3: "color-real"}[channels])
    assert psnr(squares, denoised) > 38
    assert psnr(squares, denoised) >= psnr(squares, by_real)


@pytest.mark.parametrize(("channels", "name"), [(1, "gray-fast"), (3, "color-fast")])
async def test_fast_is_one_network_for_any_noise(client, channels, name):
    """The number of channels decides."""
    noisy = with_noise(photograph(64, channels=channels), 25).astype(np.float32)
    for image in (noisy, ndimage.gaussian_filter(noisy, (1, 1, 0)[: noisy.ndim])):
        model, denoised = await chosen(client, image, model="fast")
        assert model == name
        np.testing.assert_array_equal(denoised, await denoise(client, image, model=name))


async def test_all_frames_of_a_stack_go_to_the_model_that_fits_the_first_picture(client):
    """So that a film does not change from frame to frame."""
    clean = photograph(128)
    white = with_noise(clean, 25)
    wide = clean + ndimage.gaussian_filter(with_noise(clean, 60) - clean, 1)
    stack = np.stack([white, wide]).astype(np.float32)
    model, denoised = await chosen(client, stack)
    assert model == "gray"
    np.testing.assert_array_equal(denoised, await denoise(client, stack, model="gray"))
    assert (await chosen(client, stack[::-1]))[0] == "gray-real"


@pytest.mark.parametrize("dyes", [(1,), (0, 2)])
async def test_empty_channels_stay_empty_and_the_others_are_denoised_as_gray(client, dyes):
    """As in a picture of one or two dyes under a microscope. In the color networks' training no photograph is so."""
    clean, noisy = np.zeros((128, 128, 3)), np.zeros((128, 128, 3), np.float32)
    for seed, channel in enumerate(dyes):
        clean[..., channel] = photograph(128)[:: 1 - 2 * seed]
        noisy[..., channel] = with_noise(clean[..., channel], 25, seed=seed)
    model, denoised = await chosen(client, noisy)
    assert model in ("gray", "gray-real")
    np.testing.assert_array_equal(denoised, await denoise(client, noisy, model=model))
    np.testing.assert_array_equal(denoised, biasfree.load().denoise(noisy, channel_axis=-1))
    assert not np.delete(denoised, dyes, axis=2).any()
    as_color = await denoise(client, noisy, model="color")
    assert psnr(clean[..., dyes], denoised[..., dyes]) > psnr(clean[..., dyes], as_color[..., dyes]) + 0.7


async def test_a_black_frame_does_not_decide(client):
    """A film may begin with one. The frame that decides is denoised once, and where it stands."""
    film = np.stack([np.zeros((128, 128)), with_noise(photograph(128), 25)]).astype(np.float32)
    model, denoised = await chosen(client, film)
    assert model == "gray"
    np.testing.assert_array_equal(denoised, await denoise(client, film, model="gray"))
    np.testing.assert_array_equal(denoised, biasfree.load().denoise(film, stack_axis=0))


@pytest.mark.parametrize("value", [0.0, 1.0])
async def test_noise_beside_an_area_of_one_value_is_removed_as_elsewhere(client, value):
    """As of letterboxes and masks: from 8 pixels on."""
    clean = photograph(256)
    noisy = with_noise(clean, 25).astype(np.float32)
    elsewhere = psnr(clean[:, 93:], (await denoise(client, noisy, model="gray-real"))[:, 93:])
    noisy[:, :85] = value
    beside = psnr(clean[:, 93:], (await denoise(client, noisy))[:, 93:])
    assert beside > elsewhere - 0.7


async def test_a_hot_pixel_does_not_disturb_its_surroundings(client):
    """A hundred times white: from 16 pixels on within 1.5 times of the error without it."""
    clean = photograph(256)
    noisy = with_noise(clean, 20).astype(np.float32)
    hot = noisy.copy()
    hot[128, 128] = 100
    down, across = np.abs(np.ogrid[-128:128]), np.abs(np.ogrid[-128:128])
    far = np.maximum(down[:, None], across) >= 16
    without, error = [np.sqrt(np.mean(np.square(await denoise(client, each) - clean)[far])) for each in (noisy, hot)]
    assert error < 1.5 * without


async def test_a_multi_page_tiff_comes_back_as_one(client):
    """16 bits, three pages."""
    stack = (np.stack([with_noise(photograph(40), 25, seed=seed) for seed in range(3)]) * 40000).astype(np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stack, photometric="minisblack")
    answer = await client.post("/denoise", content=buffer.getvalue(), headers={"Content-Type": "image/tiff"})
    pages = tifffile.imread(io.BytesIO(answer.content))
    assert pages.dtype == np.uint16
    np.testing.assert_array_equal(pages, await denoise(client, stack))


async def test_color_converts_before_the_network(client):
    """``gray`` makes one channel of three, ``rgb`` three of one."""
    color, gray = photograph(32, channels=3).astype(np.float32), photograph(32).astype(np.float32)
    image = png(to_uint8(color))
    answer = await client.post("/denoise", content=image, params={"color": "gray", "format": "npy"})
    assert from_npy(answer.content).shape == (32, 32)
    assert (await denoise(client, gray, color="rgb")).shape == (32, 32, 3)


async def test_a_one_channel_model_takes_the_channels_one_by_one(client):
    """``model=gray`` on RGB is three gray images."""
    noisy = with_noise(photograph(48, channels=3), 25).astype(np.float32)
    together = await denoise(client, noisy, model="gray")
    scale = 2.0 ** np.ceil(np.log2(np.abs(noisy).max()))
    assert scale == 1 or scale == 2
    for channel in range(3):
        alone = await denoise(client, np.ascontiguousarray(noisy[..., channel]))
        np.testing.assert_allclose(together[..., channel], alone, atol=1e-6)


async def test_the_color_model_is_better_than_gray_on_each_channel(client):
    """What the channels have in common helps."""
    clean = photograph(channels=3)
    noisy = with_noise(clean, 25).astype(np.float32)
    together, apart = await denoise(client, noisy), await denoise(client, noisy, model="gray")
    assert psnr(clean, together) > psnr(clean, apart) + 0.5


async def test_alpha_passes_untouched(client):
    """RGBA: the transparency is not noise."""
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 4), np.uint8)
    answer = await client.post("/denoise", content=png(image))
    result = np.asarray(Image.open(io.BytesIO(answer.content)))
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    assert (result[..., :3] != image[..., :3]).any()

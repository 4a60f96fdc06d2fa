"""The SDK against the real service."""

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from rich.console import Console
from rich.progress import track

import biasfree_client
from biasfree_client import AsyncDenoiser, Denoised, Denoiser
from biasfree_client._errors import BY_TYPE
from service.http.problems import INTERNAL, KINDS, ROUTER
from tests.integration.images import npy, photograph, psnr, with_noise

WHITE = {"uint8": 255, "uint16": 65535, "int16": 4095}
DTYPES = ["uint8", "uint16", "int16", "float16", "float32", "float64"]


def noisy_of(clean: np.ndarray, dtype: str) -> np.ndarray:
    """A photograph with noise of sigma 25 in a dtype."""
    white = WHITE.get(dtype, 1)
    noisy = np.clip(with_noise(clean, 25), 0, 1) * white
    return (np.rint(noisy) if white > 1 else noisy).astype(dtype)


def eight_bits(channels: int = 3) -> np.ndarray:
    """A noisy photograph, 64 x 64."""
    return noisy_of(photograph(64, channels=channels), "uint8")


@pytest.fixture(scope="module")
def denoiser(server):
    """A client of the service."""
    with Denoiser(server) as denoiser:
        yield denoiser


def denoise_in_both(server: str, image, **options) -> tuple[Denoised, Denoised]:
    """The same call by the synchronous and by the asynchronous client."""

    async def denoise() -> Denoised:
        async with AsyncDenoiser(server) as denoiser:
            return await denoiser.denoise(image, **options)

    with Denoiser(server) as denoiser:
        return denoiser.denoise(image, **options), asyncio.run(denoise())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_comes_back_denoised_in_its_dtype_and_shape(server, dtype, channels):
    """Every dtype that is served, gray and colour, and the same from both clients."""
    clean = photograph(96, channels=channels)
    noisy, white = noisy_of(clean, dtype), WHITE.get(dtype, 1)
    result, other = denoise_in_both(server, noisy, estimate=True)
    assert (result.array.dtype, result.array.shape) == (noisy.dtype, noisy.shape)
    assert psnr(clean, result.array / white) > psnr(clean, noisy / white) + 5
    np.testing.assert_array_equal(result.array, other.array)
    assert result.image is result.array
    assert result.model.name == ("gray" if channels == 1 else "color")
    assert result.sigma == other.sigma > 0
    assert result.estimated_psnr > 20
    assert result.request_id != other.request_id
    assert set(result.timing) == {"decode", "queue", "infer", "encode"}


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint32", "uint64"])
def test_integers_of_every_size_come_back_in_their_dtype(denoiser, dtype):
    """As the numbers that they are: the result is that of the same numbers as int16."""
    numbers = noisy_of(photograph(48), "uint8").astype(np.int16) // 4
    result = denoiser.denoise(numbers.astype(dtype)).array
    np.testing.assert_array_equal(result, denoiser.denoise(numbers).array.astype(dtype), strict=True)


@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (40, 5, 3), (20, 24, 4), (3, 20, 24)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_shape_and_byte_order_comes_back(denoiser, shape, order):
    """One pixel, thin ones, alpha, a stack; big-endian too."""
    noisy = np.random.default_rng(0).integers(0, 65536, shape).astype(f"{order}u2")
    result = denoiser.denoise(noisy)
    assert (result.array.dtype, result.array.shape) == (noisy.dtype, noisy.shape)
    if shape[-1] == 4:
        np.testing.assert_array_equal(result.array[..., 3], noisy[..., 3])


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "F", "I;16", "I", "CMYK", "YCbCr"])
def test_a_pillow_image_comes_back_in_its_mode_and_size(server, mode):
    """With its metadata; both clients. Ink becomes color."""
    gray = Image.fromarray(eight_bits(1))
    if mode in ("I;16", "I"):
        image = Image.fromarray(eight_bits(1).astype(np.uint16) * 257)
        image = image if mode == "I;16" else image.convert("I")
    else:
        image = gray.convert("RGB").convert(mode) if mode == "CMYK" else gray.convert(mode)
    image.info["dpi"] = (300, 300)
    result, other = denoise_in_both(server, image)
    assert isinstance(result.image, Image.Image)
    returned = "RGB" if mode == "CMYK" else mode
    assert (result.image.mode, result.image.size, result.image.info["dpi"]) == (returned, image.size, (300, 300))
    assert result.image.tobytes() == other.image.tobytes() != image.tobytes()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff", "npy"])
@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file"])
def test_a_file_comes_back_as_the_same_kind_of_file(denoiser, tmp_path, kind, suffix):
    """However it is given: by its path, its bytes, or opened."""
    path = tmp_path / f"noisy.{suffix}"
    noisy = eight_bits()
    path.write_bytes(npy(noisy)) if suffix == "npy" else Image.fromarray(noisy).save(path)
    with path.open("rb") as file:
        given = {"path": path, "text": str(path), "bytes": path.read_bytes(), "file": file}[kind]
        result = denoiser.denoise(given)
    content = result.image.read() if kind == "file" else result.image
    assert content == result.content
    assert result.media_type == {"jpg": "image/jpeg", "npy": "application/x-npy"}.get(suffix, f"image/{suffix}")
    assert (result.array.dtype, result.array.shape) == (noisy.dtype, noisy.shape)
    assert result.save(tmp_path / "clean").read_bytes() == content


def test_sixteen_bits_of_colour_survive_a_file(denoiser):
    """Pillow would cut them to eight."""
    noisy = noisy_of(photograph(48, channels=3), "uint16")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, noisy, photometric="rgb")
    for format in ("tiff", "png"):
        array = denoiser.denoise(buffer.getvalue(), format=format).array
        assert (array.dtype, array.shape) == (np.uint16, noisy.shape)
        assert len(np.unique(array)) > 256


def test_a_refusal_is_the_exception_of_its_kind(denoiser):
    """With the service's own words and numbers."""
    with pytest.raises(biasfree_client.UnknownModel, match="no model is called 'none'") as refusal:
        denoiser.denoise(np.ones((4, 4), np.uint8), model="none")
    assert "gray" in refusal.value.document["supported"]


def test_every_problem_the_service_can_send_has_an_exception():
    """The service's own list is the client's."""
    sent = {kind.type.rpartition(":")[2] for kind in (*KINDS.values(), *ROUTER.values(), INTERNAL)}
    assert sent <= set(BY_TYPE)


def test_an_analysis_has_its_spectrum_and_its_vectors(server, denoiser, tmp_path):
    """As arrays, the same from both clients; saved, loaded and drawn."""
    clean = photograph(64).astype(np.float32)
    noisy = with_noise(clean, 25).astype(np.float32)

    async def analyze():
        async with AsyncDenoiser(server) as other:
            return await other.analyze(noisy, x=8, y=16, size=24, k=4)

    analysis = denoiser.analyze(noisy, x=8, y=16, size=24, k=4, clean=clean, pixels=[(10, 20), (12, 30)])
    np.testing.assert_array_equal(analysis.singular_values, asyncio.run(analyze()).singular_values)
    np.testing.assert_array_equal(analysis.noisy[0], noisy[16:40, 8:32])
    assert analysis.singular_values.shape == (576,)
    assert analysis.u.shape == analysis.v.shape == (8, 1, 24, 24)
    assert analysis.filters.shape == (2, 1, 24, 24)
    assert analysis.effective_dimensionality == pytest.approx(np.sum(analysis.singular_values**2), rel=1e-4)
    np.testing.assert_allclose(
        np.sum(analysis.u * analysis.v, axis=(1, 2, 3)), analysis.symmetry[analysis.indices], atol=1e-4
    )
    assert analysis.sigma == pytest.approx(25, rel=0.3)
    assert analysis.model.name == "gray"
    loaded = biasfree_client.Analysis.load(analysis.save(tmp_path / "a.npz"))
    np.testing.assert_array_equal(loaded.u, analysis.u)
    assert loaded.model == analysis.model
    analysis.plot().savefig(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as drawn:
        assert min(drawn.size) > 500


def test_the_service_draws_an_analysis_too(denoiser):
    """Its own figure."""
    with Image.open(io.BytesIO(denoiser.figure(eight_bits(1), size=12, k=2))) as figure:
        assert figure.format == "PNG"


def test_the_service_tells_about_itself(server, denoiser):
    """Models, cards, limits, readiness; from both clients."""

    async def ask():
        async with AsyncDenoiser(server) as other:
            return await other.models(), await other.model("gray"), await other.limits(), await other.ready()

    models, card, limits, ready = asyncio.run(ask())
    assert (models, card, limits) == (denoiser.models(), denoiser.model("gray"), denoiser.limits())
    assert {each.name: each.default_for_channels for each in models}.items() >= {"gray": 1, "color": 3}.items()
    assert card.card["channels"] == 1
    assert "float32" in limits.dtypes
    assert limits.analysis.max_k == 64
    assert (ready.device, ready.models) == ("cpu", denoiser.ready().models)


def test_a_raw_response_is_the_answer_as_it_came(denoiser):
    """With its headers; a refusal is raised all the same."""
    response = denoiser.raw.denoise(eight_bits(), format="png")
    assert response.headers["x-model"].startswith("color;")
    assert response.content.startswith(b"\x89PNG")
    assert denoiser.raw.models().json()[0]["name"]
    with pytest.raises(biasfree_client.InvalidParameter):
        denoiser.raw.denoise(eight_bits(), strength=2)


@pytest.fixture(scope="module")
def sixty(tmp_path_factory) -> list[Path]:
    """60 noisy photographs of 32 x 32, all different; the one at place 7 is none."""
    folder = tmp_path_factory.mktemp("photographs")
    clean = photograph(32)
    paths = [folder / f"{place:03}.png" for place in range(60)]
    for place, path in enumerate(paths):
        noisy = np.clip(with_noise(clean, 25, seed=place), 0, 1)
        Image.fromarray(np.rint(255 * noisy).astype(np.uint8)).save(path)
    paths[7].write_bytes(b"no image")
    return paths


def test_sixty_files_are_mapped_with_a_progress_bar(denoiser, sixty):
    """In their order; the one that is no image is an error in its place; the bar reaches its end."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    mapped = denoiser.map(sixty, concurrency=4, return_errors=True)
    results = list(track(mapped, description="denoising", total=len(sixty), console=console))
    assert len(results) == 60
    assert [place for place, each in enumerate(results) if isinstance(each, Exception)] == [7]
    assert isinstance(results[7], biasfree_client.UnsupportedMedia)
    for place in (0, 8, 59):
        assert results[place].content == denoiser.denoise(sixty[place]).content
    assert "100%" in shown.getvalue()


def test_sixty_files_are_mapped_in_a_loop(server, denoiser, sixty):
    """The asynchronous client gives the same."""

    async def denoise():
        async with AsyncDenoiser(server) as other:
            return [each async for each in other.map(sixty, concurrency=8, return_errors=True)]

    results = asyncio.run(denoise())
    assert len(results) == 60
    assert isinstance(results[7], biasfree_client.UnsupportedMedia)
    assert results[59].content == denoiser.denoise(sixty[59]).content


def test_the_first_error_ends_a_map_that_was_not_asked_to_go_on(denoiser, sixty):
    """What came before it is given."""
    given = []
    with pytest.raises(biasfree_client.UnsupportedMedia):
        given.extend(denoiser.map(sixty))
    assert len(given) <= 7

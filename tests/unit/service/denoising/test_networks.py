"""What the denoiser does around the network, on an engine that is none."""

import asyncio

import numpy as np
import pytest

from biasfree.artifact import SHIPPED, Artifact
from biasfree.engines.engine import EngineError, OutOfDeviceMemory
from service.denoising.networks import Networks
from service.denoising.options import DenoiseOptions
from service.errors import InferenceFailed, InvalidParameter, UnknownModel
from service.imaging import ImageFormat, Picture
from service.queue.batch_queue import BatchQueue
from service.queue.ledger import TileTooLarge
from service.queue.policy import BatchPolicy, Lane

MODELS = {path.stem: Artifact.load(path) for path in SHIPPED.glob("*.onnx")}


class Small:
    """A device that gives batches back and has memory for ``room_px`` pixels."""

    device, tolerance, workers = "cpu", 0.0, 1

    def __init__(self, room_px: float = float("inf")) -> None:
        self.room_px = room_px
        self.shapes: list[tuple[int, ...]] = []

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """The batch itself."""
        self.shapes.append(batch.shape)
        if batch.shape[2] * batch.shape[3] > self.room_px:
            raise OutOfDeviceMemory("too large")
        return batch.copy()

    def release(self) -> None:
        """There is nothing."""


def picture(frame: np.ndarray) -> Picture:
    """A picture of one frame (H, W, C)."""
    return Picture(frames=(frame,), alpha=(None,), format=ImageFormat.NPY)


def denoise(engine, image: Picture, options: DenoiseOptions | None = None, *, tile_side: int = 2048):
    """One picture through a queue on ``engine``."""

    async def scenario():
        policy = BatchPolicy(budget_px=1, limit_s=1e9, rates_px_s=dict.fromkeys(MODELS, 1e6))
        queue = BatchQueue({Lane.EXPRESS: engine}, policy)
        queue.start()
        networks = Networks(queue, MODELS, tile_side=tile_side, timeout_s=60)
        try:
            return await networks.prepare(image, options or DenoiseOptions()).denoise()
        finally:
            await queue.drain()

    return asyncio.run(scenario())


def test_a_tile_that_does_not_fit_is_cut_smaller():
    """The image comes back whole from a device with room for 512 x 512."""
    frame = np.random.default_rng(0).random((1500, 900, 1), np.float32)
    engine = Small(512 * 512)
    result = denoise(engine, picture(frame))
    np.testing.assert_array_equal(result.picture.frames[0], frame)
    assert engine.shapes[0][2] > 512


@pytest.mark.parametrize(("side", "expected"), [(256, 256), (8, 112)])
def test_tiles_grow_again_once_there_is_memory(side, expected):
    """Slowly, after images that were cut: hundreds of them later tiles are what they were. Thumbnails prove nothing."""
    engine = Small(160 * 160)

    async def scenario():
        policy = BatchPolicy(budget_px=1, limit_s=1e9, rates_px_s=dict.fromkeys(MODELS, 1e6))
        queue = BatchQueue({Lane.EXPRESS: engine}, policy)
        queue.start()
        networks = Networks(queue, MODELS, tile_side=256, timeout_s=60)
        options = DenoiseOptions(model="gray-dncnn")  # small halos, and so few tiles
        large, image = (picture(np.ones((each, each, 1), np.float32)) for each in (256, side))
        await networks.prepare(large, options).denoise()
        engine.room_px = float("inf")
        for _ in range(300):
            await networks.prepare(image, options).denoise()
            if engine.shapes[-1][2:] == (256, 256):
                break
        engine.shapes.clear()
        await networks.prepare(large, options).denoise()
        await queue.drain()
        return engine.shapes[0][2:]

    assert max(asyncio.run(scenario())) == expected


@pytest.mark.parametrize("side", [700, 1000, 2000])
def test_every_size_finds_a_tile_that_fits(side):
    """Also an image that is smaller than half of the largest tile."""
    frame = np.random.default_rng(0).random((side, side, 1), np.float32)
    result = denoise(Small(600 * 600), picture(frame))
    np.testing.assert_array_equal(result.picture.frames[0], frame)


def test_a_float64_of_any_size_can_be_estimated():
    """The squares of 1e200 are beyond float64; their root is not."""
    frame = 1e200 * np.random.default_rng(0).random((16, 16, 1))

    class Half(Small):
        def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
            return batch / 2

    result = denoise(Half(), picture(frame), DenoiseOptions(estimate=True))
    assert 0 < result.noise.level < np.inf


def test_bit_depth_leaves_the_sign_of_signed_data_alone():
    """int16 is clipped to its type only, and so is its residual."""
    frame = np.linspace(-2500, 3900, 64).reshape(8, 8, 1).astype(np.int16)
    result = denoise(Small(), picture(frame), DenoiseOptions(bit_depth=12))
    np.testing.assert_array_equal(result.picture.frames[0], frame)


def test_a_device_too_small_for_the_smallest_tile_says_so():
    """Cutting ends where a tile would be all halo."""
    with pytest.raises(TileTooLarge):
        denoise(Small(100), picture(np.ones((600, 600, 1), np.float32)))


def test_one_bad_frame_fails_its_stack_with_the_first_error():
    """Not with a group of errors."""

    class Broken(Small):
        def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
            raise EngineError("broken")

    stack = Picture(
        frames=tuple(np.ones((8, 8, 1), np.float32) for _ in range(6)), alpha=(None,) * 6, format=ImageFormat.NPY
    )
    with pytest.raises(InferenceFailed):
        denoise(Broken(), stack)


@pytest.mark.parametrize(("dtype", "value"), [("float64", 1e300), ("float32", 1e-38), ("float32", 3e38)])
def test_no_intensity_is_too_large_or_too_small_for_the_network(dtype, value):
    """What comes back is what went in, scaled by a power of two and back."""
    frame = (value * np.linspace(0.5, 1, 64)).astype(dtype).reshape(8, 8, 1)
    np.testing.assert_allclose(denoise(Small(), picture(frame)).picture.frames[0], frame, rtol=1e-6)


def test_far_from_one_the_network_sees_intensities_near_one():
    """Where float32 ends, a power of two brings them back; elsewhere they are not even copied."""
    seen = []

    class Watching(Small):
        def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
            seen.append(batch)
            return batch

    near = np.linspace(0, 4000, 64, dtype=np.float32).reshape(8, 8, 1)
    far = near * np.float32(1e27)
    for frame in (near, far):
        denoise(Watching(), picture(frame))
    assert np.shares_memory(seen[0], near)
    assert 0.5 <= np.abs(seen[1]).max() < 1


def test_an_unknown_model_is_told_before_any_work():
    """With those that exist."""
    engine = Small()
    with pytest.raises(UnknownModel, match="none"):
        denoise(engine, picture(np.ones((8, 8, 1), np.uint8)), DenoiseOptions(model="none"))
    assert engine.shapes == []


def test_bit_depth_sets_white_for_floats_and_limits_integers():
    """Twelve bits of a float image are a range, more bits than uint8 has are an error."""
    frame = np.full((8, 8, 1), 4000.0, np.float32)
    denoise(Small(), picture(frame), DenoiseOptions(bit_depth=12, estimate=True))
    with pytest.raises(InvalidParameter):
        denoise(Small(), picture(np.ones((8, 8, 1), np.uint8)), DenoiseOptions(bit_depth=12))


class Halves(Small):
    """A device that halves what it is given, and adds to each channel but the first, as no network should."""

    def run(self, model: str, batch: np.ndarray, *, wide: bool = True) -> np.ndarray:
        """Half of it, and 0.1 more in each channel than in the one before."""
        self.shapes.append(batch.shape)
        return batch / 2 + 0.1 * np.arange(batch.shape[1], dtype=np.float32)[:, None, None]


def gray_as_rgb(dtype: str = "float32", *, frames: int = 1, alpha: bool = False) -> Picture:
    """A stack of RGB pictures with R = G = B."""
    random = np.random.default_rng(0)
    planes = [(200 * random.random((40, 56, 1))).astype(dtype) for _ in range(frames)]
    transparency = tuple(np.full((40, 56), 7, dtype) if alpha else None for _ in planes)
    return Picture(tuple(np.repeat(each, 3, axis=2) for each in planes), transparency, ImageFormat.NPY)


@pytest.mark.parametrize(
    "options", [{}, {"estimate": True}, {"output": "residual"}, {"strength": 0.3}, {"color": "rgb"}]
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_equal_channels_are_denoised_as_gray_and_stay_equal(dtype, options):
    """R = G = B is one plane through the gray default; all three channels are its result."""
    image, engine = gray_as_rgb(dtype, frames=3, alpha=True), Halves()
    gray = Picture(tuple(each[..., :1] for each in image.frames), (None,) * 3, ImageFormat.NPY)
    chosen = DenoiseOptions(**options)

    result = denoise(engine, image, chosen)

    assert result.model["name"] in ("gray", "gray-real")
    assert {shape[1] for shape in engine.shapes} == {1}
    assert len(engine.shapes) == 3 * (2 if chosen.estimate else 1)
    alone = denoise(Halves(), gray, chosen.model_copy(update={"color": "auto"}))
    for frame, expected in zip(result.picture.frames, alone.picture.frames, strict=True):
        assert frame.dtype == dtype
        np.testing.assert_array_equal(frame, np.repeat(expected, 3, axis=2))
    assert result.picture.alpha is image.alpha
    assert result.picture.layout == image.layout


def test_a_gray_model_takes_equal_channels_once():
    """Naming it costs one pass, not three."""
    engine = Halves()
    denoise(engine, gray_as_rgb(), DenoiseOptions(model="gray"))
    assert len(engine.shapes) == 1


def test_a_color_model_leaves_equal_channels_equal():
    """Where its answer differs between them, they get the mean."""
    image, engine = gray_as_rgb(), Halves()
    result = denoise(engine, image, DenoiseOptions(model="color"))
    assert result.model["name"] == "color"
    assert engine.shapes[0][1] == 3
    np.testing.assert_allclose(result.picture.frames[0], image.frames[0] / 2 + 0.1, rtol=1e-6)
    assert np.ptp(result.picture.frames[0], axis=2).max() == 0


@pytest.mark.parametrize("where", [(0, 0, 0), (39, 55, 2)])
def test_one_different_sample_in_one_frame_makes_color(where):
    """All frames are denoised by the color model then."""
    image = gray_as_rgb(frames=2)
    image.frames[1][where] += 1
    assert denoise(Small(), image).model["name"] in ("color", "color-real")


def colored(dtype: str = "float32") -> Picture:
    """A picture of independent channels."""
    return picture((255 * np.random.default_rng(1).random((24, 24, 3))).astype(dtype))


def test_chroma_strength_alone_leaves_the_luminance():
    """With strength 0 and chroma strength 1, Rec. 601 luma is that of the input; the differences are the network's."""
    image = colored()
    result = denoise(Halves(), image, DenoiseOptions(strength=0, chroma_strength=1)).picture.frames[0]
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(result @ weights, image.frames[0] @ weights, rtol=1e-4)
    full = denoise(Halves(), image).picture.frames[0]
    np.testing.assert_allclose(np.diff(result), np.diff(full), atol=1e-3)


def test_strength_alone_leaves_the_color_differences():
    """With chroma strength 0 the differences of channels are those of the input."""
    image = colored()
    result = denoise(Halves(), image, DenoiseOptions(chroma_strength=0)).picture.frames[0]
    np.testing.assert_allclose(np.diff(result), np.diff(image.frames[0]), atol=1e-3)
    assert np.abs(result - image.frames[0]).max() > 1


@pytest.mark.parametrize("options", [{"chroma_strength": 1}, {"chroma_strength": None}])
def test_full_strengths_change_no_bit(options):
    """Both at 1 are the network's own output."""
    image = colored()
    result = denoise(Halves(), image, DenoiseOptions(**options)).picture.frames[0]
    np.testing.assert_array_equal(result, denoise(Halves(), image).picture.frames[0])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_strength_zero_gives_the_input_back_to_the_bit(dtype):
    """Also a float64, of which the network sees only what float32 holds."""
    image = picture(
        np.random.default_rng(2).random((24, 24, 3)).astype(dtype) + np.array(1e6 * (dtype == "float64"), dtype)
    )
    result = denoise(Halves(), image, DenoiseOptions(strength=0))
    np.testing.assert_array_equal(result.picture.frames[0], image.frames[0])
    assert not result.batches


@pytest.mark.parametrize("options", [{"estimate": True}, {"output": "residual"}, {"chroma_strength": 1}])
def test_strength_zero_takes_a_pass_for_anything_but_the_input(options):
    """An estimate, a residual and the color noise are still the network's."""
    assert denoise(Halves(), colored(), DenoiseOptions(strength=0, **options)).batches


def test_chroma_strength_has_no_effect_on_gray():
    """One channel has no color differences."""
    image = picture(np.random.default_rng(3).random((24, 24, 1), np.float32))
    result = denoise(Halves(), image, DenoiseOptions(chroma_strength=0))
    np.testing.assert_array_equal(result.picture.frames[0], denoise(Halves(), image).picture.frames[0])

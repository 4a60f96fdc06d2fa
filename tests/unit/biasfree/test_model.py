import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFont

import biasfree
from biasfree.choice import CHOICES, for_any_noise
from biasfree.engines.engine import DeviceUnavailable
from biasfree.model import Model

GRAY = biasfree.load("gray-dncnn")


def noisy(*shape: int, dtype: str = "uint8") -> npt.NDArray[np.generic]:
    """Noise around the middle of 8 bits."""
    return np.random.default_rng(0).normal(128, 20, shape).clip(0, 255).astype(dtype)


def test_what_there_is() -> None:
    """Names, and a card for each."""
    assert {"gray", "color", "gray-dncnn"} <= set(biasfree.models())
    assert GRAY.card.name == "gray-dncnn"
    assert (GRAY.halo, GRAY.stride) == (GRAY.card.receptive_radius, 1)


def test_axes_are_those_that_are_named() -> None:
    """A stack of images of five channels is denoised channel by channel, wherever its axes are."""
    stack = noisy(2, 9, 11, 5)
    moved = np.moveaxis(stack, (0, 3), (3, 1))  # H, C, W, Z
    denoised = GRAY.denoise(moved, channel_axis=1, stack_axis=-1)
    alone = GRAY.denoise(stack[1, ..., 3])
    assert denoised.shape == moved.shape
    np.testing.assert_array_equal(denoised[:, 3, :, 1], alone)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float16", "float32", "float64", ">u2"])
def test_dtype_and_range_are_kept(dtype: str) -> None:
    """And intensities are not rescaled."""
    image = noisy(12, 12, dtype=dtype)
    denoised = GRAY.denoise(image)
    assert denoised.dtype == np.dtype(dtype)
    np.testing.assert_allclose(denoised.astype(float), GRAY.denoise(noisy(12, 12, dtype="float32").round()), atol=22)


@pytest.mark.parametrize("options", [{}, {"strength": 0.0}])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((16, 16), {}),
        ((16, 16, 3), {"channel_axis": -1}),
        ((3, 16, 16), {"channel_axis": 0}),
        ((2, 16, 16), {"stack_axis": 0}),
    ],
)
def test_a_result_is_a_new_array_that_may_be_changed(
    shape: tuple[int, ...], axes: dict[str, int], options: dict[str, float]
) -> None:
    """Also where the input may not be, and where three equal channels were denoised as one."""
    image = np.full(shape, 100, np.uint8)
    image.flags.writeable = False
    result = biasfree.load().denoise(image, **axes, **options)  # type: ignore[arg-type]
    result += 1
    assert result.flags.c_contiguous
    assert np.all(result == 101)
    assert np.all(image == 100)


def test_large_integers_are_right_to_their_seventh_digit() -> None:
    """Counts of 64 bits, as NumPy's random generators give them."""
    image = noisy(16, 16, dtype="int64")
    times = GRAY.denoise(image * 10**14)
    np.testing.assert_allclose(times / 1e14, GRAY.denoise(image.astype(np.float64)), rtol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int32", 100_000_003),
        ("uint32", 4_000_000_001),
        ("uint64", 2**64 - 1),
        ("float32", 1e8),
        ("float64", np.pi),
        ("float64", 100_000_003.0),
        ("float64", -1e-9),
    ],
)
def test_a_constant_image_stays_as_it_is(dtype: str, value: float) -> None:
    """Also a value for which float32, in which networks compute, has no digits."""
    image = np.full((20, 31), value, dtype)
    np.testing.assert_array_equal(GRAY.denoise(image), image, strict=True)


@pytest.mark.parametrize(
    ("image", "axes", "error", "words"),
    [
        (noisy(4, 5, 3), {}, ValueError, "has no height and width.*channel_axis=-1"),
        (noisy(4, 5), {"channel_axis": 2}, ValueError, "has no axis 2"),
        (noisy(4), {}, ValueError, "an image needs two axes besides those that are named"),
        (noisy(4, 5), {"channel_axis": 1}, ValueError, "an image needs two axes besides those that are named"),
        (noisy(4, 5, 3), {"channel_axis": -1, "stack_axis": 2}, ValueError, "stack_axis=2 are the same axis"),
        (noisy(4, 5, 3), {"channel_axis": "last"}, TypeError, "whole number, not 'last'"),
        (noisy(4, 5), {"bit_depth": 33}, ValueError, "bit_depth=33: must be from 1 to 32"),
        (noisy(4, 5), {"bit_depth": 12}, ValueError, "bit_depth=12 does not fit uint8"),
        (Image.fromarray(noisy(4, 5, 3)), {"channel_axis": 2}, ValueError, "no axes to name"),
        (np.array([[1.0, np.nan]]), {}, ValueError, "1 pixels are NaN or infinite"),
        (np.full((2, 2), np.finfo(np.longdouble).max), {}, ValueError, "4 pixels are NaN or infinite"),
        (np.ones((2, 2), complex), {}, TypeError, "complex pixels are not supported: pass their magnitude"),
        ("noisy.png", {}, TypeError, "an array or a Pillow image, not str: read a file"),
        (None, {}, TypeError, "an array or a Pillow image, not NoneType"),
        (np.ones((2, 2), bool), {}, TypeError, "integers or floats, not bool"),
        (np.ma.masked_greater(noisy(4, 5), 128), {}, TypeError, "masked"),
        (np.ones((0, 2)), {}, ValueError, "has no pixels"),
    ],
)
def test_what_cannot_be_denoised_is_refused(
    image: npt.NDArray[np.generic],
    axes: dict[str, Any],
    error: type[Exception],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a sentence that says what to do, before any work."""
    monkeypatch.setattr("biasfree.model._Network.__call__", lambda *_: pytest.fail("a network was called"))
    for call in (GRAY.denoise, GRAY.estimate):
        with pytest.raises(error, match=words):
            call(image, **axes)


def test_a_color_model_wants_color() -> None:
    """A gray image would have to be converted first; three equal channels are gray as well, and stay equal."""
    color = biasfree.load("color")
    with pytest.raises(ValueError, match="takes 3 channels and the image has 1"):
        color.denoise(noisy(8, 8))
    with pytest.raises(ValueError, match="has 1: use a gray model, or name the channel_axis of an array with colors"):
        color.denoise(Image.fromarray(noisy(8, 8)))
    with pytest.raises(ValueError, match=r"takes 3 channels and the image has 4: use a gray model$"):
        color.denoise(noisy(8, 8, 4), channel_axis=2)
    denoised = color.denoise(np.repeat(noisy(8, 8, 1), 3, axis=2), channel_axis=2)
    assert (denoised == denoised[..., :1]).all()


def test_unknown_names_and_options() -> None:
    """They are ValueErrors, and name what there is."""
    with pytest.raises(ValueError, match=r"auto, best, fast, color, .*, gray-real$"):
        biasfree.load("sharpen")
    for name in ("grey", "gray.onnx"):
        with pytest.raises(ValueError, match=rf"no model and no file '{name}'; did you mean 'gray'\?"):
            biasfree.load(name)
    for strength in (2, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"strength={strength}: must be from 0 to 1"):
            GRAY.denoise(noisy(4, 4), strength=strength)
    with pytest.raises(TypeError, match="no option 'strenght'; did you mean 'strength'"):
        GRAY.denoise(noisy(4, 4), strenght=1)
    for wrong in ({"device": "gpu"}, {"threads": 0}, {"threads": 1.5}, {"threads": "2"}, {"tile_side": 0}):
        with pytest.raises(ValueError, match=str(*wrong.values())):
            biasfree.load("gray", **wrong)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "F"])
def test_pillow_images_come_back_as_they_were(mode: str) -> None:
    """Mode, size and alpha."""
    rgba = Image.fromarray(noisy(10, 12, 4))
    image = Image.fromarray(noisy(10, 12, dtype="uint16")) if mode == "I;16" else rgba.convert(mode)
    denoised = biasfree.load("auto").denoise(image)
    assert (denoised.mode, denoised.size) == (mode, (12, 10))
    if mode.endswith("A"):
        np.testing.assert_array_equal(np.asarray(denoised)[..., -1], np.asarray(image)[..., -1])


def test_hidden_pixels_of_a_pillow_image_count_for_nothing() -> None:
    """Neither in the estimate nor in the residual, whatever their colors are."""
    image = noisy(64, 64, 4)
    image[:32, :, 3], image[32:, :, 3] = 0, 255
    other = image.copy()
    other[:32, :, :3] = noisy(32, 64, 3)[::-1, :, ::-1] // 2
    model: Model = biasfree.load("color")
    noises = [model.estimate(Image.fromarray(each)) for each in (image, other)]
    assert noises[0] == noises[1]
    residuals = [np.asarray(model.denoise(Image.fromarray(each), output="residual")) for each in (image, other)]
    np.testing.assert_array_equal(*residuals)
    kept = np.asarray(model.denoise(Image.fromarray(other)))
    np.testing.assert_array_equal(kept[:32], other[:32])


def test_chroma_strength_changes_nothing_unless_there_are_three_channels() -> None:
    """Other channels are not colors."""
    image = noisy(20, 20, 4)
    denoised = GRAY.denoise(image, channel_axis=2)
    np.testing.assert_array_equal(GRAY.denoise(image, channel_axis=2, chroma_strength=0.5), denoised)


def test_masked_arrays_without_a_masked_pixel_are_arrays() -> None:
    """Some readers always return masked arrays."""
    image = noisy(20, 20)
    np.testing.assert_array_equal(GRAY.denoise(np.ma.masked_array(image)), GRAY.denoise(image))


def test_a_model_shows_its_networks() -> None:
    """In a notebook."""
    assert repr(GRAY) == "<biasfree.Model gray-dncnn>"
    assert repr(biasfree.load("fast")) == "<biasfree.Model fast: gray-fast, color-fast>"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "Dense"}, "method='Dense' is not one of auto, dense, iterative"),
        ({"clean": noisy(6, 5)}, r"the shape of the noisy one, \(1, 5, 6\)"),
        ({"pixels": [(-1, -1)]}, r"\(-1, -1\) is not in the patch of 6 x 5"),
        ({"pixels": [(6, 0)]}, r"\(6, 0\) is not in the patch"),
        ({"pixels": (3, 4)}, r"pixels=\(3, 4\) must be pairs of whole numbers"),
        ({"pixels": [(1.5, 2)]}, "must be pairs of whole numbers"),
        ({"k": -1}, "k=-1: must be a whole number of at least 1"),
        ({"k": 2.5}, "k=2.5: must be a whole number"),
        ({"k": "4"}, "k='4': must be a whole number"),
        ({"memory_bytes": 0}, "memory_bytes=0: must be a whole number"),
        ({"memory_bytes": 1e9}, "memory_bytes=1000000000.0: must be a whole number"),
        ({"bit_depth": 12}, "bit_depth=12 does not fit uint8"),
        ({"bit_depth": 0}, "bit_depth=0: must be from 1 to 32"),
        ({"bit_depth": 2.5}, "bit_depth=2.5: "),
        ({"channel_axis": 5}, "has no axis 5"),
    ],
)
def test_an_analysis_that_would_be_wrong_is_refused(options: dict[str, Any], words: str) -> None:
    """Instead of another method, another pixel, another patch."""
    with pytest.raises(ValueError, match=words):
        GRAY.analyze(noisy(5, 6), **options)


def test_a_patch_far_from_zero_is_not_analyzed() -> None:
    """Float32 has no digits for 1 on 1e8; a constant patch has nothing to lose."""
    with pytest.raises(ValueError, match="offset of 1e"):
        GRAY.analyze(1e8 + noisy(5, 6) / 255)
    assert GRAY.analyze(np.full((5, 6), 1e8)).noisy.shape == (1, 5, 6)


def test_strength_and_residual() -> None:
    """As the service has them."""
    image = noisy(20, 20, dtype="float32")
    denoised = GRAY.denoise(image)
    np.testing.assert_array_equal(GRAY.denoise(image, strength=0), image)
    np.testing.assert_allclose(GRAY.denoise(image, strength=0.5), (image + denoised) / 2, atol=1e-3)
    np.testing.assert_allclose(GRAY.denoise(image, output="residual"), image - denoised, atol=1e-3)


def test_a_patch_is_analyzed() -> None:
    """The expansion adds up to what the model returns for the patch."""
    patch = noisy(9, 7, dtype="float32")
    report = GRAY.analyze(patch, k=63)
    left = report.vectors.left.reshape(63, -1)
    np.testing.assert_allclose((report.expansion @ left).reshape(9, 7), GRAY.denoise(patch), atol=1e-2)
    with pytest.raises(ValueError, match="patches of 1 channel"):
        GRAY.analyze(noisy(4, 4, 3), channel_axis=2)


def test_an_analysis_knows_no_bit_depth_of_floats_that_is_not_one() -> None:
    """Floats have no bits to compare it with."""
    for wrong in (0, -3, 2.5):
        with pytest.raises(ValueError, match=f"bit_depth={wrong}: "):
            GRAY.analyze(noisy(4, 4, dtype="float32"), bit_depth=wrong)


def test_pillow_images_are_analyzed_as_their_pixels() -> None:
    """Without alpha; an index into a palette is no intensity."""
    patch = noisy(5, 6)
    expected = GRAY.analyze(patch, clean=patch, k=2)
    gray = Image.fromarray(patch).convert("LA")
    report = GRAY.analyze(gray, clean=gray, k=2)
    np.testing.assert_array_equal(report.singular_values, expected.singular_values)
    assert report.signal_preserved == expected.signal_preserved
    with pytest.raises(ValueError, match="mode 'P' are not supported"):
        GRAY.analyze(Image.fromarray(patch).convert("P"))


@pytest.mark.parametrize("scale", [2.0**500, 2.0**-500])
def test_an_analysis_is_homogeneous_beyond_the_range_of_float32(scale: float) -> None:
    """Intensities neither overflow nor become zero."""
    patch = noisy(4, 5, dtype="float64")
    report, scaled = GRAY.analyze(patch, clean=patch), GRAY.analyze(patch * scale, clean=patch * scale)
    for name in ("noisy", "denoised", "clean", "expansion"):
        np.testing.assert_array_equal(getattr(scaled, name) / scale, getattr(report, name), err_msg=name)


@pytest.mark.parametrize("bright", [1, 100, 1000])
def test_one_bright_pixel_does_not_change_the_estimates(bright: float) -> None:
    """Their step is measured by the other pixels; with that of the brightest one, the PSNR was 5 to 15 dB too high."""
    image = skimage.data.coins()[100:228, 100:228] / 255 + 0.03 * np.random.default_rng(0).standard_normal((128, 128))
    model = biasfree.load("gray-real")
    without = model.estimate(image)
    image[20, 30] = bright
    noise = model.estimate(image)
    assert noise.level == pytest.approx(without.level, rel=0.1)
    assert noise.psnr_db == pytest.approx(without.psnr_db, abs=2)


def test_an_analysis_for_cuda_does_not_run_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``denoise`` does not."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceUnavailable, match="torch cannot use CUDA here"):
        biasfree.load("gray-dncnn", device="cuda").analyze(noisy(4, 4))


def test_a_printed_card_can_be_read() -> None:
    """The pixels of the test image stay out of it."""
    assert GRAY.card.golden.noisy_base64 not in str(GRAY.card)
    assert len(str(GRAY.card)) < 8000


def test_the_default_models_have_no_single_card() -> None:
    """It says where the cards are."""
    auto: Model = biasfree.load()
    with pytest.raises(ValueError, match=r"see \.cards"):
        _ = auto.card
    assert set(auto.cards) >= {"gray", "color"}


@pytest.mark.parametrize("which", ["auto", "best"])
def test_the_image_decides_between_two_networks(which: str) -> None:
    """As in the service: white noise or any other, of which ``best`` averages four orientations."""
    suffix = "-best" if which == "best" else ""
    image = noisy(40, 44, dtype="float32")
    choice: Model = biasfree.load(which)
    np.testing.assert_array_equal(choice.denoise(image), biasfree.load(f"gray{suffix}").denoise(image))
    wide = np.repeat(np.repeat(image[::2, ::2], 2, axis=0), 2, axis=1)
    orientations: Literal[1, 4] = 4 if which == "best" else 1
    np.testing.assert_array_equal(choice.denoise(wide), biasfree.load("gray-real").denoise(wide, ensemble=orientations))


def test_the_fast_models_are_for_any_noise() -> None:
    """One pass; the number of channels decides."""
    fast: Model = biasfree.load("fast")
    for channels, axis in ((1, None), (3, -1)):
        image = np.moveaxis(noisy(channels, 40, 44, dtype="float32"), 0, -1)
        image = image[..., 0] if channels == 1 else image
        alone: Model = biasfree.load("gray-fast" if channels == 1 else "color-fast")
        np.testing.assert_array_equal(fast.denoise(image, channel_axis=axis), alone.denoise(image, channel_axis=axis))


@pytest.mark.parametrize("which", ["auto", "fast"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_small_text_stays_as_it_is(mode: str, which: str) -> None:
    """The networks for any noise took it for noise once: of clean letters of 11 pixels, 16 dB were left."""
    page = Image.new(mode, (200, 120), "white")
    for top in range(4, 120, 14):
        text = "Invoice 2024-10873 total 1,482.95"
        ImageDraw.Draw(page).text((4, top), text, fill="black", font=ImageFont.load_default(11))
    model: Model = biasfree.load(which)
    file = io.BytesIO()
    page.save(file, "JPEG", quality=85)
    compressed = Image.open(file)
    clean = np.asarray(page, float)
    errors = [np.std(np.asarray(each, float) - clean) for each in (model.denoise(page), model.denoise(compressed))]
    assert errors[0] < 255 * 10 ** (-38 / 20)
    assert errors[1] < 1.5 * np.std(np.asarray(compressed, float) - clean)


def test_the_best_models_share_those_for_any_noise_with_the_defaults() -> None:
    """The model for white noise is alone if there is none."""
    models = ["gray", "gray-real", "gray-best", "color", "color-best"]
    pairs = {name: for_any_noise(name, models) for each in CHOICES.values() for name in each.values()}
    assert pairs == {"gray": "gray-real", "gray-best": "gray-real"} | dict.fromkeys(
        ["color", "color-best", "gray-fast", "color-fast"]
    )


def test_pillow_images_of_which_a_part_would_be_lost_are_refused(tmp_path: Path) -> None:
    """A transparent color would move with the values; further pages would be dropped."""
    gray = Image.fromarray(noisy(10, 12))
    gray.save(tmp_path / "key.png", transparency=128)
    gray.save(tmp_path / "pages.tif", save_all=True, append_images=[gray])
    for name, words in (("key.png", "transparent color"), ("pages.tif", "2 frames")):
        with Image.open(tmp_path / name) as image, pytest.raises(ValueError, match=words):
            GRAY.denoise(image)
    gray.save(tmp_path / "preview.jpg", "MPO", save_all=True, append_images=[gray])
    with Image.open(tmp_path / "preview.jpg") as image:
        assert image.n_frames == 2
        assert GRAY.denoise(image).size == gray.size
    with pytest.raises(ValueError, match="omit channel_axis"):
        GRAY.denoise(gray, channel_axis=0)


def test_gray_frames_among_color_frames_stay_gray() -> None:
    """A page of text scanned as RGB, in a stack of photographs."""
    stack = noisy(2, 24, 24, 3)
    stack[1] = stack[1, ..., :1]
    for model in (biasfree.load(), biasfree.load("color")):
        denoised = model.denoise(stack, stack_axis=0, channel_axis=3)
        assert (denoised[1] == denoised[1, ..., :1]).all()
        assert (denoised[0] != denoised[0, ..., :1]).any()


def test_a_used_model_can_be_pickled() -> None:
    """Process pools and Ray send it to their workers."""
    image = noisy(12, 12)
    denoised = GRAY.denoise(image)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(GRAY)).denoise(image), denoised)


def test_threads_may_share_a_model() -> None:
    """Also for its first call, which loads the network."""
    images = [noisy(12, 12 + extra) for extra in range(8)]
    model = biasfree.load("gray-dncnn", threads=1)
    with ThreadPoolExecutor(8) as pool:
        for image, denoised in zip(images, pool.map(model.denoise, images), strict=True):
            np.testing.assert_array_equal(denoised, GRAY.denoise(image))


def test_auto_analyzes_the_network_for_white_noise() -> None:
    """As ``/analyze`` does without a model."""
    patch = noisy(8, 8, 3, dtype="float32")
    report = biasfree.load().analyze(patch, channel_axis=2)
    np.testing.assert_array_equal(
        report.singular_values, biasfree.load("color").analyze(patch, channel_axis=2).singular_values
    )


def test_gray_stored_as_rgb_is_analyzed_as_gray() -> None:
    """Equal channels are denoised as gray, too; a color network that is named still takes all three."""
    gray = noisy(8, 8, dtype="float32")
    patch = np.stack([gray] * 3, axis=2)
    expected = biasfree.load("gray").analyze(gray).singular_values
    for model in (biasfree.load(), biasfree.load("gray")):
        np.testing.assert_array_equal(model.analyze(patch, channel_axis=2).singular_values, expected)
    assert biasfree.load("color").analyze(patch, channel_axis=2).singular_values.size == 192


def test_an_ensemble_is_the_mean_over_orientations() -> None:
    """The image is taken as it is, turned and mirrored; each result is turned back before the mean."""
    image = noisy(16, 22, dtype="float32")
    turned = [np.rot90(each, quarters) for each in (image, image.T) for quarters in range(4)]
    results = [np.rot90(GRAY.denoise(each), -(index % 4)) for index, each in enumerate(turned)]
    mean = np.mean([*results[:4], *(each.T for each in results[4:])], axis=0)
    np.testing.assert_allclose(GRAY.denoise(image, ensemble=8), mean, atol=1e-3)
    half = np.rot90(GRAY.denoise(np.rot90(image, 2).copy()), 2)
    np.testing.assert_allclose(GRAY.denoise(image, ensemble=2), (GRAY.denoise(image) + half) / 2, atol=1e-3)


def test_an_ensemble_of_eight_commutes_with_turns_and_mirrors() -> None:
    """The result is the same for all eight orientations, which no single pass achieves."""
    image = noisy(16, 22, dtype="float32")
    result = GRAY.denoise(image, ensemble=8)
    np.testing.assert_allclose(GRAY.denoise(image[::-1].copy(), ensemble=8)[::-1], result, atol=1e-3)
    np.testing.assert_allclose(GRAY.denoise(image.T.copy(), ensemble=8).T, result, atol=1e-3)
    assert np.abs(GRAY.denoise(image[::-1].copy())[::-1] - GRAY.denoise(image)).max() > 0.1


def test_an_ensemble_is_homogeneous_and_better() -> None:
    """A law, and what it is for."""
    clean = np.outer(np.sin(np.arange(64) / 5), np.cos(np.arange(64) / 7)) * 60 + 128
    image = (clean + np.random.default_rng(1).normal(0, 25, clean.shape)).astype(np.float32)
    result = GRAY.denoise(image, ensemble=4)
    np.testing.assert_allclose(GRAY.denoise(image * 7, ensemble=4), result * 7, rtol=1e-4)
    assert ((result - clean) ** 2).mean() < ((GRAY.denoise(image) - clean) ** 2).mean()

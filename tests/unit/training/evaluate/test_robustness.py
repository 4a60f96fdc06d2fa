"""Quality on noise that is not white."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biasfree.artifact import SHIPPED
from tests.unit.training.fit.runs import photograph
from training.data.images import NamedImage
from training.evaluate.metrics import FloatImage, psnr_db
from training.evaluate.robustness.cases import CASES, Disturbed
from training.evaluate.robustness.ensembles import CASE, ensembles
from training.evaluate.robustness.measure import REGISTERED, is_gray, measure_cases, measure_pairs, registered
from training.evaluate.robustness.report import DefaultDenoiser, robustness, write
from training.evaluate.scores import identity


def named(channels: int, *, side: int = 200) -> list[NamedImage]:
    """Return two photographs."""
    images = [photograph(side, side, seed=seed, channels=channels) for seed in range(2)]
    return [NamedImage(f"{index}.png", image, str(index)) for index, image in enumerate(images)]


def bumps(*, shift: tuple[float, float], side: int = 128) -> FloatImage:
    """Return an image (side, side) of Gaussian bumps, exact at any shift of rows and columns."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side]
    image = np.full((side, side), 0.2)
    for top, left, width in zip(*random.uniform(0, side, (2, 150)), random.uniform(1.2, 4, 150), strict=True):
        square = (rows - shift[0] - top) ** 2 + (columns - shift[1] - left) ** 2
        image += 0.3 * np.exp(-square / (2 * width**2))
    return image.clip(0, 1).astype(np.float32)


def write_pairs(folder: Path, *, channels: int) -> Path:
    """Write one clean photograph and a noisy copy."""
    clean = photograph(64, 64, seed=1, channels=channels)
    noisy = np.clip(clean + 20 * np.random.default_rng(0).standard_normal(clean.shape), 0, 255).astype(np.uint8)
    for kind, pixels in (("clean", clean), ("noisy", noisy)):
        (folder / kind).mkdir(parents=True)
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(folder / kind / "a.png")
    return folder


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_every_case_disturbs_the_image_the_same_way_each_time(case: str, channels: int) -> None:
    """The result is finite, has the clean image's shape, and every region to measure has pixels."""
    clean = named(channels)[0].unit
    one, same = (CASES[case](clean, np.random.default_rng(3)) for _ in range(2))
    assert one.noisy.dtype == np.float32
    assert one.noisy.shape == one.clean.shape
    np.testing.assert_array_equal(one.noisy, same.noisy)
    assert np.isfinite(one.noisy).all()
    for mask in one.regions.values():
        assert mask.any()
        assert psnr_db(one.clean[mask], one.noisy[mask]) < 50


def test_a_denoiser_that_does_nothing_has_the_scores_of_its_input() -> None:
    """This holds in every case and region."""
    for score in measure_cases(identity, named(1)):
        assert score.psnr_db == score.input_psnr_db


def test_an_error_in_one_part_is_seen_in_that_part_only() -> None:
    """An error near a black area does not count farther away."""

    def wrong_near_the_border(noisy: FloatImage) -> FloatImage:
        changed = noisy.copy()
        changed[:, 66 + 8 : 66 + 64] = 0.5
        return changed

    scores = {score.region: score for score in measure_cases(wrong_near_the_border, named(1)) if "black" in score.case}
    assert scores["8 to 64 px from it"].psnr_db < scores["8 to 64 px from it"].input_psnr_db
    assert scores["farther"].psnr_db == scores["farther"].input_psnr_db


def test_noise_alike_is_measured_at_the_pixels_of_noise_beside_an_area() -> None:
    """The regions are the same, since an image is harder in one than in another."""
    clean, random = named(1)[0].unit, np.random.default_rng(0)
    alike, beside = CASES["beside noise alike"](clean, random), CASES["beside black"](clean, random)
    assert alike.regions.keys() == beside.regions.keys()
    for name, mask in alike.regions.items():
        np.testing.assert_array_equal(mask, beside.regions[name])
        np.testing.assert_array_equal(alike.clean[mask], beside.clean[mask])


def test_pairs_are_measured_whole_and_refused_where_names_differ(tmp_path: Path) -> None:
    """The score of the input is that of the noisy file."""
    folder = write_pairs(tmp_path / "pairs", channels=3)
    score, moved = measure_pairs(identity, folder, channels=3)
    assert score.case == moved.case == "pairs (1 pairs)"
    assert (score.region, moved.region) == ("", REGISTERED)
    assert 20 < score.psnr_db == score.input_psnr_db < 25
    (folder / "noisy" / "a.png").rename(folder / "noisy" / "b.png")
    with pytest.raises(ValueError, match="same names"):
        measure_pairs(identity, folder, channels=3)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.45), (-1.6, 0.2)])
def test_a_clean_image_is_moved_onto_the_noisy_one_by_parts_of_a_pixel(shift: tuple[float, float]) -> None:
    """The difference that remains is the noise alone."""
    clean, there = (bumps(shift=each)[..., None] for each in ((0.0, 0.0), shift))
    noise = 0.02 * np.random.default_rng(1).standard_normal(clean.shape, dtype=np.float32)
    moved = registered(Disturbed(there + noise, clean, {}))
    inside = moved.regions[REGISTERED]
    assert psnr_db(there[inside], moved.clean[inside]) > 45
    assert psnr_db(moved.clean[inside], moved.noisy[inside]) == pytest.approx(20 * np.log10(1 / 0.02), abs=0.2)
    if any(shift):
        assert psnr_db(clean[inside], moved.noisy[inside]) < 33
    assert not inside[:16].any()
    assert inside[16:-16, 16:-16].all()


def test_gray_pairs_are_told_from_color_ones(tmp_path: Path) -> None:
    """Their pixels decide, so gray files stored as RGB are gray."""
    assert is_gray(write_pairs(tmp_path / "gray", channels=1))
    assert not is_gray(write_pairs(tmp_path / "color", channels=3))


def test_the_tables_have_what_is_named_for_their_channels(tmp_path: Path) -> None:
    """They are written as Markdown and JSON, and pairs are in the table of their channels."""
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(photograph(80, 80, seed=0, channels=3)).save(images / "a.png")
    pairs = write_pairs(tmp_path / "pairs", channels=1)
    networks = [SHIPPED / f"{name}.onnx" for name in ("gray", "gray-real")]
    (alone,) = robustness([SHIPPED / "gray.onnx"], gray=images, color=images, pairs=[], ensemble=2)
    assert [*alone.scores] == ["gray"]
    tables = robustness([*networks, "wiener"], gray=images, color=images, pairs=[pairs])
    write(tables, tmp_path / "out")
    gray, color = tables
    assert [*gray.scores] == ["default", "gray", "gray-real", "wiener"]
    assert gray.white_chosen["default"]["white, sigma 25"] == "1 of 1"
    assert [*color.scores] == ["wiener"]
    assert not color.white_chosen
    page = (tmp_path / "out" / "robustness.md").read_text()
    assert page.count("pairs (1 pairs)") == 2
    facts = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert {(each["denoiser"], each["channels"]) for each in facts} >= {("gray", 1), ("wiener", 3)}


def test_the_default_takes_the_network_for_white_noise_where_that_removes_as_much() -> None:
    """It also counts how often it did."""

    def any_noise(noisy: FloatImage) -> FloatImage:
        return np.full_like(noisy, 0.5)

    def white(noisy: FloatImage) -> FloatImage:
        return np.full_like(noisy, 0.49)

    random = np.random.default_rng(0)
    added = 0.1 * random.standard_normal((80, 80, 1), dtype=np.float32)
    wide = np.repeat(added[::2], 2, axis=0)
    default = DefaultDenoiser(any_noise, white)
    assert default(0.5 + added)[0, 0, 0] == np.float32(0.49)
    assert default(0.5 + wide)[0, 0, 0] == np.float32(0.5)
    assert default.taken() == "1 of 2"
    assert default.taken() == "0 of 0"
    as_color = DefaultDenoiser(white, white, gray=default)
    result = as_color(np.repeat(0.5 + wide, 3, axis=-1))
    assert (result.shape, result[0, 0, 2]) == ((80, 80, 3), np.float32(0.5))
    assert (as_color.taken(), default.taken()) == ("0 of 1", "0 of 0")


def test_best_averages_over_orientations_where_the_noise_is_not_white() -> None:
    """As the service does: four passes of the network for any noise, and one of that for white noise."""
    passes = []

    def any_noise(noisy: FloatImage) -> FloatImage:
        passes.append("any")
        return np.full_like(noisy, 0.5)

    def white(noisy: FloatImage) -> FloatImage:
        passes.append("white")
        return np.full_like(noisy, 0.49)

    added = 0.1 * np.random.default_rng(0).standard_normal((80, 80, 1), dtype=np.float32)
    best = DefaultDenoiser(any_noise, white, choice="best")
    best(0.5 + added)
    assert passes == ["any", "white"]
    passes.clear()
    best(0.5 + np.repeat(added[::2], 2, axis=0))
    assert passes == ["any"] * 4


def test_an_ensemble_gains_on_what_its_network_is_for(tmp_path: Path) -> None:
    """White noise for one kind of network, the pairs of its channels for the other."""
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(photograph(64, 64, seed=4)[..., 0]).save(images / "a.png")
    pairs = [write_pairs(tmp_path / kind, channels=channels) for kind, channels in (("g", 1), ("c", 3))]
    _, _, *lines = ensembles(gray=images, color=images, pairs=pairs).splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines]
    measured_on = {name.strip("`"): where for name, where, *_ in rows}
    assert measured_on.keys() == {path.stem for path in SHIPPED.glob("*.onnx")}
    assert (measured_on["gray-real"], measured_on["color-real"]) == ("g (1 pairs)", "c (1 pairs)")
    assert set(measured_on.values()) == {CASE, "g (1 pairs)", "c (1 pairs)"}
    alone, eight = np.mean([(float(one), float(eight)) for _, _, one, *_, eight in rows], axis=0)
    assert alone < eight < alone + 1


def test_pairs_that_no_model_is_for_are_refused(tmp_path: Path) -> None:
    """They are not left out silently."""
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(photograph(80, 80, seed=0)[..., 0]).save(images / "a.png")
    pairs = write_pairs(tmp_path / "pairs", channels=3)
    with pytest.raises(ValueError, match=r"pairs in .*pairs are color: name a color model too, or leave them out"):
        robustness(["gray"], gray=images, color=images, pairs=[pairs])


def test_pairs_of_unequal_size_are_found_before_anything_is_measured(tmp_path: Path) -> None:
    """The folders of images, which would be read later, do not even exist."""
    pairs = write_pairs(tmp_path / "pairs", channels=1)
    Image.new("L", (5, 5)).save(pairs / "clean" / "a.png")
    with pytest.raises(ValueError, match=r"same size, but a\.png"):
        robustness(["gray"], gray=tmp_path / "none", color=tmp_path / "none", pairs=[pairs])

"""Realistic disturbances of clean images, and the regions in which their effect is measured.

The cases share no code with the training noise. NumPy, SciPy and Pillow make them, with seeds.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from training.evaluate.metrics import FloatImage

Mask = npt.NDArray[np.bool_]

#: Default noise level of a case, 0-255 scale.
SIGMA_255 = 25.0
#: Distances from a disturbance in pixels: closer than the first nothing is measured, beyond the second counts as far.
NEAR_PX = (8, 64)


@dataclass(frozen=True)
class Disturbed:
    """One image of a case.

    Attributes:
        noisy: The denoiser's input (H, W, C), float32.
        clean: The ideal result, of the same shape.
        regions: Masks (H, W) of the regions to measure separately, by name; the whole image has the name "".
    """

    noisy: FloatImage
    clean: FloatImage
    regions: Mapping[str, Mask]


Make = Callable[[FloatImage, np.random.Generator], Disturbed]


def _whole(noisy: npt.NDArray[np.floating], clean: FloatImage) -> Disturbed:
    everywhere = np.ones(clean.shape[:2], dtype=np.bool_)
    return Disturbed(noisy.astype(np.float32), clean, {"": everywhere})


def _white(clean: FloatImage, random: np.random.Generator, sigma_255: float = SIGMA_255) -> FloatImage:
    return clean + np.float32(sigma_255 / 255) * random.standard_normal(clean.shape, dtype=np.float32)


def white(sigma_255: float) -> Make:
    """Make the case of white noise in floats, the reference for the others."""
    return lambda clean, random: _whole(_white(clean, random, sigma_255), clean)


def rounded(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add white noise, clip, and round to 8 bits."""
    return _whole(np.round(_white(clean, random).clip(0, 1) * 255) / 255, clean)


def lossy(kind: str, quality: int) -> Make:
    """Make the case of a compressed noisy file, with color at half the resolution, as in phones."""

    def make(clean: FloatImage, random: np.random.Generator) -> Disturbed:
        pixels = np.round(_white(clean, random).clip(0, 1) * 255).astype(np.uint8)
        return _whole(_compressed(pixels, kind, quality), clean)

    return make


def _compressed(pixels: npt.NDArray[np.uint8], kind: str, quality: int) -> npt.NDArray[np.floating]:
    gray = pixels.shape[2] == 1
    file = io.BytesIO()
    options = {} if gray or kind == "WEBP" else {"subsampling": 2}
    Image.fromarray(pixels[..., 0] if gray else pixels).save(file, kind, quality=quality, **options)
    with Image.open(file) as read:
        return np.asarray(read.convert("L" if gray else "RGB")).reshape(pixels.shape) / 255


def gray_as_rgb(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add white noise to a gray photograph stored as three equal channels."""
    channels = clean.shape[2]
    gray = (clean @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[..., None] if channels == 3 else clean
    repeat = (1, 1, channels)
    return _whole(np.tile(_white(gray, random), repeat), np.tile(gray, repeat))


def enlarged(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add white noise and enlarge by 1.5, cubic."""
    factors = (1.5, 1.5, 1)
    return _whole(ndimage.zoom(_white(clean, random), factors, order=3), ndimage.zoom(clean, factors, order=3))


def blurred(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add noise that is blurred by one pixel, at the same level."""
    noise = ndimage.gaussian_filter(random.standard_normal(clean.shape), (1, 1, 0))
    return _whole(clean + SIGMA_255 / 255 * noise / noise.std(), clean)


def chroma(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add coarse color blotches and finer luminance noise, as at high ISO."""
    blotches = ndimage.gaussian_filter(random.standard_normal(clean.shape), (2.5, 2.5, 0))
    blotches -= blotches.mean(axis=2, keepdims=True)
    fine = ndimage.gaussian_filter(random.standard_normal((*clean.shape[:2], 1)), (0.6, 0.6, 0))
    noise = sum(part / max(float(part.std()), 1e-9) * level for part, level in ((blotches, 15), (fine, 12)))
    return _whole(clean + noise / 255, clean)


def rows(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add a random offset to each row, and white noise of 10."""
    lines = 15 / 255 * random.standard_normal((len(clean), 1, 1))
    return _whole(_white(clean, random, 10) + lines, clean)


def photons(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Simulate twenty photons at white."""
    return _whole(random.poisson(clean * 20) / 20, clean)


def salt_and_pepper(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add white noise of 10, and turn every hundredth pixel black or white."""
    drawn = random.random(clean.shape[:2])[..., None]
    noisy = np.where(drawn < 0.01, np.float32(drawn < 0.005), _white(clean, random, 10))
    return _whole(noisy, clean)


def camera(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add shot and read noise on a Bayer mosaic, interpolate bilinearly, and compress as JPEG of quality 92."""
    linear = ndimage.gaussian_filter(clean, (0.6, 0.6, 0)) ** 2.2
    parity = np.add.outer(2 * (np.arange(len(clean)) % 2), np.arange(clean.shape[1]) % 2)
    taken = (parity[..., None] == np.array([0, 1, 3])) | ((parity == 2)[..., None] & np.array([False, True, False]))
    weights = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])[..., None]

    def develop(raw: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        found = ndimage.convolve(raw * taken, weights) / ndimage.convolve(taken.astype(float), weights)
        image: npt.NDArray[np.floating] = found.clip(0, 1) ** (1 / 2.2)
        return image

    if clean.shape[2] == 1:
        linear = np.tile(linear, (1, 1, 3))
    noisy = develop((linear + np.sqrt(4e-3 * linear + 1e-5) * random.standard_normal(linear.shape)).clip(0, 1))
    target = develop(linear)
    if clean.shape[2] == 1:
        noisy, target = (image.mean(axis=2, keepdims=True) for image in (noisy, target))
    file = io.BytesIO()
    pixels = np.round(noisy * 255).astype(np.uint8)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "JPEG", quality=92)
    with Image.open(file) as read:
        return _whole(np.asarray(read).reshape(pixels.shape) / 255, target.astype(np.float32))


def beside(value: float | None, sigma_255: float = SIGMA_255) -> Make:
    """Make the case of noise beside an area without noise: constant, or the clean image if ``value`` is None."""

    def make(clean: FloatImage, random: np.random.Generator) -> Disturbed:
        border = _border(clean)
        noisy, right = _white(clean, random, sigma_255), clean.copy()
        if value is not None:
            right[:, :border] = value
        noisy[:, :border] = right[:, :border]
        return Disturbed(noisy, right, _beyond(border, clean))

    return make


def beside_noise(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add noise of 25 everywhere: the reference for ``beside``, in whose regions the images differ in difficulty."""
    return Disturbed(_white(clean, random), clean, _beyond(_border(clean), clean))


def _border(image: FloatImage) -> int:
    return int(image.shape[1]) // 3


def _beyond(border: int, image: FloatImage) -> dict[str, Mask]:
    distances = np.broadcast_to(np.arange(image.shape[1]) - border, image.shape[:2])
    first, last = NEAR_PX
    near, far = (distances >= first) & (distances < last), distances >= last
    return {f"{first} to {last} px from it": near, "farther": far}


def two_levels(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add noise of 5 to the left half and of 50 to the right half."""
    middle = clean.shape[1] // 2
    left = np.broadcast_to(np.arange(clean.shape[1]) < middle, clean.shape[:2])
    noisy = np.where(left[..., None], _white(clean, random, 5), _white(clean, random, 50))
    return Disturbed(noisy, clean, {"sigma 5": left, "sigma 50": ~left})


def one_level(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add noise of 50 everywhere: the reference for the right half of ``two_levels``."""
    middle = clean.shape[1] // 2
    left = np.broadcast_to(np.arange(clean.shape[1]) < middle, clean.shape[:2])
    return Disturbed(_white(clean, random, 50), clean, {"sigma 50": ~left})


def hot_pixel(excess: float) -> Make:
    """Make the case of one pixel brighter by ``excess`` times white in noise of 10; 0 is the same without it."""

    def make(clean: FloatImage, random: np.random.Generator) -> Disturbed:
        noisy = _white(clean, random, 10)
        height, width = clean.shape[0] // 2, clean.shape[1] // 2
        noisy[height, width] += excess
        return Disturbed(noisy, clean, _rings(clean.shape, [(height, width)]))

    return make


def stars(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add points of light, up to a thousand times white and 2.4 pixels wide at half height, and noise of 10."""
    height, width, _ = clean.shape
    places = [(round(height * y), round(width * x)) for y, x in ((0.2, 0.3), (0.55, 0.7), (0.8, 0.25))]
    light = np.zeros((height, width, 1))
    for (row, column), peak in zip(places, (3, 50, 1000), strict=True):
        down, across = np.ogrid[:height, :width]
        light[..., 0] += peak * np.exp(-((down - row) ** 2 + (across - column) ** 2) / 2)
    with_stars = (clean + light).astype(np.float32)
    return Disturbed(_white(with_stars, random, 10), with_stars, _rings(clean.shape, places))


def text(sigma_255: float, *, quality: int | None = None) -> Make:
    """Make the case of a page of small text in 8 bits with white noise, stored as JPEG if there is a quality."""

    def make(clean: FloatImage, random: np.random.Generator) -> Disturbed:
        page = Image.new("L", clean.shape[1::-1], 255)
        pen, top = ImageDraw.Draw(page), 4
        while top < clean.shape[0]:
            size = int(random.integers(9, 15))
            words = ("".join(chr(each) for each in random.integers(48, 123, 7)) for _ in range(clean.shape[1] // size))
            pen.text((4, top), " ".join(words), fill=0, font=ImageFont.load_default(size))
            top += round(1.3 * size)
        return _drawn(np.asarray(page), clean.shape, sigma_255, quality, random)

    return make


def modules(clean: FloatImage, random: np.random.Generator) -> Disturbed:
    """Add white noise of 10 to square modules of 4 pixels, as of a QR code."""
    cells = random.integers(0, 2, [-(-side // 4) for side in clean.shape[:2]]) * 255
    return _drawn(cells.repeat(4, axis=0).repeat(4, axis=1), clean.shape, 10, None, random)


def _drawn(
    page: npt.NDArray[np.integer],
    shape: tuple[int, ...],
    sigma_255: float,
    quality: int | None,
    random: np.random.Generator,
) -> Disturbed:
    drawn = np.broadcast_to(page[: shape[0], : shape[1], None] / np.float32(255), shape).astype(np.float32)
    pixels = np.round(_white(drawn, random, sigma_255).clip(0, 1) * 255).astype(np.uint8)
    return _whole(pixels / 255 if quality is None else _compressed(pixels, "JPEG", quality), drawn)


def _rings(shape: tuple[int, ...], places: list[tuple[int, int]]) -> Mapping[str, Mask]:
    down, across = np.ogrid[: shape[0], : shape[1]]
    distance = np.min([np.maximum(abs(down - row), abs(across - column)) for row, column in places], axis=0)
    return {"5 to 16 px from it": (distance >= 5) & (distance < 16), "farther": distance >= 16}


#: Name in the tables -> case.
CASES: Mapping[str, Make] = {
    **{f"white, sigma {sigma_255:g}": white(sigma_255) for sigma_255 in (5, 15, 25, 50)},
    "white, 8 bits": rounded,
    "JPEG 90": lossy("JPEG", 90),
    "JPEG 75": lossy("JPEG", 75),
    "WebP 80": lossy("WEBP", 80),
    "camera, JPEG 92": camera,
    "gray stored as RGB": gray_as_rgb,
    "enlarged by 1.5": enlarged,
    "blurred noise": blurred,
    "chroma blotches": chroma,
    "rows": rows,
    "20 photons": photons,
    "salt and pepper": salt_and_pepper,
    "beside black": beside(0.0),
    "beside white": beside(1.0),
    "beside a clean area": beside(None),
    "two levels": two_levels,
    "two levels, alone": one_level,
    "hot pixel, 128 times white": hot_pixel(128.0),
    "no hot pixel": hot_pixel(0.0),
    "stars": stars,
    "text, sigma 1": text(1.0),
    "text, sigma 10": text(10.0),
    "text, JPEG 85": text(0.0, quality=85),
    "square modules, sigma 10": modules,
    "white, sigma 2": white(2),
    "beside black, sigma 3": beside(0.0, 3),
    "beside noise alike": beside_noise,
}

"""A camera's noise: convert a photograph back to raw sensor data, add noise, and develop it again.

Sources: Brooks et al., "Unprocessing images for learned raw denoising", CVPR 2019 (tone curve, white balance, shot and
read noise); Zhang et al., "Practical blind image denoising via Swin-Conv-UNet and data synthesis", 2022 (in-camera
smoothing, sharpening). The target is the same camera's picture of the same scene without noise, like the mean of many
exposures in pairs of real photographs.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field

from training.data.noise.demosaic import demosaiced, demosaiced_along_edges, mosaic, places
from training.data.noise.draw import Draw
from training.data.noise.filters import along_edges, blurred, guided, low_pass, luma
from training.data.noise.pair import Pair


class Camera(BaseModel):
    """Shot and read noise of a sensor behind a Bayer mosaic, developed to sRGB."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(ge=0, le=1)
    shot: tuple[float, float] = Field(default=(1e-4, 2.5e-2), description="Variance per intensity, log-uniform.")
    optics_px: tuple[float, float] = Field(default=(0.4, 1.1), description="Blur before the mosaic, pixels.")
    hot: float = Field(default=0.1, ge=0, le=1, description="Share with hot pixels on the sensor.")
    smoothed: float = Field(default=0.75, ge=0, le=1, description="Share smoothed in the camera.")
    smoothing_px: tuple[float, float] = Field(default=(0.0, 0.9), description="Blur of their luminance, pixels.")
    color_reduced: float = Field(default=0.0, ge=0, le=1, description="Share with less color noise.")
    color_reduction_px: tuple[float, float] = Field(default=(1.0, 5.0), description="Blur of that noise, pixels.")
    directed: float = Field(default=0.0, ge=0, le=1, description="Share demosaiced along edges.")
    edges_kept: float = Field(
        default=0.0, ge=0, le=1, description="Share whose noise is reduced in the camera, except beside edges."
    )
    edges_kept_level: tuple[float, float] = Field(
        default=(0.5, 2.0), description="Contrast that this keeps, in standard deviations of the noise, log-uniform."
    )
    along_edges: float = Field(default=0.0, ge=0, le=1, description="Share smoothed along edges in the camera.")
    sharpened: float = Field(default=0.4, ge=0, le=1, description="Share sharpened in the camera.")

    def __call__(self, clean: torch.Tensor, draw: Draw) -> Pair:
        """Photograph (B, C, P, P); gray patches are photographed as RGB and then converted to gray."""
        count, channels, side, _ = clean.shape
        curve = _ToneCurve(draw, count)
        gains = torch.cat([draw.uniform(count, 1.2, 2.6), torch.ones(count, 1, 1, 1), draw.uniform(count, 1.2, 2.6)], 1)
        matrix = _color_matrix(draw, count)
        # Lens and low-pass filter. A scene sharper than the mosaic would give false colors, even in the target.
        soft = blurred(clean.expand(-1, 3, -1, -1), draw.uniform(count, *self.optics_px))
        scene = _mixed(curve.undone(soft), torch.linalg.inv(matrix)).clamp(0, 1) / gains
        place = places(side, torch.stack([draw.choice(count, 2), draw.choice(count, 2)], dim=1))
        raw = self._exposed(mosaic(scene, place), draw)
        corrected, directed = draw.chance(count, 0.6), draw.chance(count, self.directed)
        smooth, sharpen = self._smoothing(draw, count), self._sharpening(draw, count)

        def develop(sensor: torch.Tensor) -> torch.Tensor:
            cell, along, filtered, gain, mixing = (
                torch.cat([each, each]) for each in (place, directed.flatten(), corrected, gains, matrix)
            )
            colors = sensor.expand(-1, 3, -1, -1).contiguous()
            colors[along] = demosaiced_along_edges(sensor[along], cell[along])
            colors[~along] = demosaiced(sensor[~along], cell[~along], filtered[~along])
            linear = (colors * gain).clamp(0, 1)
            return smooth(curve.applied(_mixed(linear, mixing).clamp(0, 1)))

        def finish(image: torch.Tensor) -> torch.Tensor:
            image = sharpen(image).clamp(0, 1)
            return luma(image) if channels == 1 else image

        pair = self._color_noise_reduced(raw.both(develop), draw)
        return self._smoothed_along_edges(self._noise_reduced(pair, draw), draw).both(finish)

    def _noise_reduced(self, pair: Pair, draw: Draw) -> Pair:
        """Smooth the luminance, except beside edges, as cameras do: their noise is stronger there than elsewhere.

        The camera sees the noisy image only, and the target is smoothed where that is. So faint texture is weakened as
        the noise is, like in a mean of many exposures, and not wiped out.
        """
        chosen = draw.chance(len(pair.noisy), self.edges_kept).flatten().nonzero().flatten()
        level = draw.log_uniform(len(chosen), *self.edges_kept_level)
        radius = 1 + int(draw.choice(1, 3))
        part = draw.uniform(len(chosen), 0.5, 1).repeat(2, 1, 1, 1)

        def reduced(some: Pair) -> Pair:
            seen = luma(some.noisy)
            noise = seen - luma(some.clean)
            kept = (level * noise.std(dim=(-2, -1), keepdim=True)).square().clamp(min=1e-8)
            guide, kept = (torch.cat([each] * 2) for each in (seen, kept))

            def smooth(images: torch.Tensor) -> torch.Tensor:
                gray = luma(images)
                return images + part * (guided(gray, guide, kept, radius=radius) - gray)

            return some.both(smooth)

        return pair.at(chosen, reduced)

    def _smoothed_along_edges(self, pair: Pair, draw: Draw) -> Pair:
        """Smooth along the edges that the camera sees in the noisy image; where there are none, noise becomes lines.

        Pictures of a Canon 5D Mark III show such lines. With zero, no random numbers are drawn, as in older recipes.
        """
        if not self.along_edges:
            return pair
        chosen = draw.chance(len(pair.noisy), self.along_edges).flatten().nonzero().flatten()
        seen_px, part = draw.uniform(len(chosen), 0, 0.8), draw.uniform(len(chosen), 0.3, 1).repeat(2, 1, 1, 1)
        length = 3 + 2 * int(draw.choice(1, 3))

        def smooth(some: Pair) -> Pair:
            guide = torch.cat([blurred(luma(some.noisy), seen_px)] * 2)
            return some.both(lambda images: images + part * (along_edges(images, guide, length=length) - images))

        return pair.at(chosen, smooth)

    def _color_noise_reduced(self, pair: Pair, draw: Draw) -> Pair:
        """Blur the color noise alone: cameras do it along edges, so that the picture's colors stay where they are."""
        noise = pair.noisy - pair.clean
        color = noise - luma(noise)
        count = len(noise)
        coarse = low_pass(color, draw.log_uniform(count, *self.color_reduction_px))
        part = draw.uniform(count, 0.5, 1) * draw.chance(count, self.color_reduced)
        return Pair(pair.noisy + part * (coarse - color), pair.clean)

    def _exposed(self, raw: torch.Tensor, draw: Draw) -> Pair:
        shot = draw.log_uniform(len(raw), *self.shot)
        # log(read) = 2.18 log(shot) + 1.2, with a deviation of 0.26 (Brooks et al., equation 5).
        read = torch.exp(2.18 * shot.log() + 1.2 + 0.26 * draw.normal(len(raw), 1, 1, 1))
        seen = raw + (shot * raw + read).sqrt() * draw.normal(*raw.shape)
        hot = draw.log_uniform(len(raw), 1e-4, 3e-3) * draw.chance(len(raw), self.hot)
        seen = torch.where(draw.uniform(raw.numel()).view(raw.shape) < hot, 1.0, seen)
        return Pair(seen.clamp(0, 1), raw)

    def _smoothing(self, draw: Draw, count: int) -> "_Smoothing":
        on = draw.chance(count, self.smoothed)
        return _Smoothing(draw.uniform(count, *self.smoothing_px) * on, draw.uniform(count, 0.5, 2.5) * on)

    def _sharpening(self, draw: Draw, count: int) -> "_Sharpening":
        on = draw.chance(count, self.sharpened)
        return _Sharpening(draw.uniform(count, 0.5, 1.2), draw.uniform(count, 0, 1.5) * on)


class _ToneCurve:
    """sRGB's tone curve, in half of the patches followed by a camera's contrast curve 3 x^2 - 2 x^3 (Brooks et al.)."""

    def __init__(self, draw: Draw, count: int) -> None:
        self._contrast = draw.chance(count, 0.5)

    def undone(self, image: torch.Tensor) -> torch.Tensor:
        image = image.clamp(0, 1)
        flat = 0.5 - torch.sin(torch.asin(1 - 2 * image) / 3)
        image = torch.where(self._contrast, flat, image)
        return torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)

    def applied(self, linear: torch.Tensor) -> torch.Tensor:
        curved = 1.055 * linear.clamp(min=1e-6) ** (1 / 2.4) - 0.055
        image = torch.where(linear <= 0.0031308, 12.92 * linear, curved)
        contrast = torch.cat([self._contrast] * (len(image) // len(self._contrast)))
        return torch.where(contrast, image**2 * (3 - 2 * image), image)


class _Smoothing:
    """Noise reduction in a camera: separate blurs for luminance and color."""

    def __init__(self, luminance_px: torch.Tensor, color_px: torch.Tensor) -> None:
        self._luminance_px, self._color_px = torch.cat([luminance_px] * 2), torch.cat([color_px] * 2)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        gray = luma(image)
        return blurred(gray, self._luminance_px) + blurred(image - gray, self._color_px)


class _Sharpening:
    """Unsharp masking."""

    def __init__(self, radius_px: torch.Tensor, amount: torch.Tensor) -> None:
        self._radius_px, self._amount = torch.cat([radius_px] * 2), torch.cat([amount] * 2)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        return image + self._amount * (image - blurred(image, self._radius_px))


def _color_matrix(draw: Draw, count: int) -> torch.Tensor:
    """Draw matrices from sensor colors to sRGB: rows sum to one, values off the diagonal are negative."""
    beside = draw.uniform(count * 9, 0, 0.45).view(count, 3, 3) * (1 - torch.eye(3, device=draw.device))
    return torch.eye(3, device=draw.device) * (1 + beside.sum(dim=2, keepdim=True)) - beside


def _mixed(image: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return torch.einsum("bij,bjhw->bihw", matrix, image)

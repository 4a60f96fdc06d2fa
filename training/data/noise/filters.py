"""Smoothing and resampling of patches, with separate parameters for each patch."""

import math

import torch
from torch.nn import functional as F

#: Rec. 601 luma, as in Pillow's convert("L") and in JPEG.
LUMA = (0.299, 0.587, 0.114)


def luma(images: torch.Tensor) -> torch.Tensor:
    """Return the luma (B, 1, H, W) of RGB images; gray images are returned unchanged."""
    if images.shape[1] == 1:
        return images
    return (images * torch.tensor(LUMA, device=images.device)[:, None, None]).sum(dim=1, keepdim=True)


def blurred(images: torch.Tensor, sigma_px: torch.Tensor, *, reach: int = 4) -> torch.Tensor:
    """Blur by Gaussians of ``sigma_px`` (B, 1, 1, 1), truncated at ``reach`` pixels, with mirrored borders."""
    batch, channels, height, _ = images.shape
    offsets = torch.arange(-reach, reach + 1, device=images.device)
    kernels = torch.exp(-(offsets**2) / (2 * sigma_px.flatten()[:, None].clamp(min=1e-3) ** 2))
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).repeat_interleave(channels, 0)[:, None]
    padded = F.pad(images, (reach,) * 4, mode="reflect").reshape(1, batch * channels, height + 2 * reach, -1)
    rows = F.conv2d(padded, kernels[..., None], groups=batch * channels)
    return F.conv2d(rows, kernels[:, :, None], groups=batch * channels).view(images.shape)


def low_pass(images: torch.Tensor, sigma_px: torch.Tensor) -> torch.Tensor:
    """Blur by Gaussians of any ``sigma_px`` (B, 1, 1, 1), periodically."""
    height, width = images.shape[-2:]
    down = torch.fft.fftfreq(height, device=images.device)[:, None]
    across = torch.fft.rfftfreq(width, device=images.device)[None]
    gain = torch.exp(-2 * (math.pi * sigma_px) ** 2 * (down**2 + across**2))
    smooth: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * gain, s=(height, width))
    return smooth


def correlated(white: torch.Tensor, sigma_px: torch.Tensor) -> torch.Tensor:
    """Filter white noise by Gaussians of ``sigma_px`` (B, 1, 1, 1), periodically, and restore its variance of one."""
    filtered = low_pass(white, sigma_px)
    return filtered / filtered.square().mean(dim=(-2, -1), keepdim=True).sqrt().clamp(min=1e-6)


def resampled(images: torch.Tensor, scale: torch.Tensor, *, mode: str) -> torch.Tensor:
    """Scale each image about its middle by ``scale`` (B, 1, 1, 1), keeping its shape; borders are mirrored.

    Args:
        images: (B, C, H, W).
        scale: Above 1 enlarges; below 1 smooths and reduces.
        mode: ``bilinear``, ``bicubic`` or ``nearest``.
    """
    sigma_px = (0.5 * (1 / scale.clamp(max=1) ** 2 - 1).clamp(min=0).sqrt()).clamp(min=1e-3)
    sharp = blurred(images, sigma_px) if bool((scale < 1).any()) else images
    middle = torch.zeros(len(images), 2, 3, device=images.device)
    middle[:, 0, 0] = middle[:, 1, 1] = 1 / scale.flatten()
    grid = F.affine_grid(middle, list(images.shape), align_corners=False)
    return F.grid_sample(sharp, grid, mode=mode, padding_mode="reflection", align_corners=False)


def guided(images: torch.Tensor, guide: torch.Tensor, variance: torch.Tensor, *, radius: int) -> torch.Tensor:
    """Smooth images where the variance of another is low compared with ``variance``; leave edges as they are.

    Source: He, Sun and Tang, "Guided image filtering", 2013, where each image is its own guide.

    Args:
        images: (B, 1, H, W).
        guide: The images whose edges are kept, (B, 1, H, W).
        variance: (B, 1, 1, 1).
        radius: Of the square windows, pixels.
    """

    def mean(values: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(F.pad(values, (radius,) * 4, mode="reflect"), 2 * radius + 1, stride=1)

    contrast = (mean(guide.square()) - mean(guide).square()).clamp(min=0)
    gain = contrast / (contrast + variance)
    return mean(gain) * images + mean((1 - gain) * mean(images))


def along_edges(images: torch.Tensor, guide: torch.Tensor, *, length: int) -> torch.Tensor:
    """Average each pixel with its neighbors along the direction in which another image changes least.

    Where the guide is noisy and the picture is not, the noise decides: it becomes short lines.

    Args:
        images: (B, C, H, W).
        guide: (B, 1, H, W).
        length: Length of the lines in pixels, odd.
    """
    lines = _lines(length, images.device)

    def means(values: torch.Tensor) -> torch.Tensor:
        """Return the mean along each direction, (B, directions, H, W), of images (B, 1, H, W)."""
        return F.conv2d(F.pad(values, (length // 2,) * 4, mode="reflect"), lines)

    least = (means(guide.square()) - means(guide).square()).argmin(dim=1, keepdim=True)
    return torch.cat([means(channel[:, None]).gather(1, least) for channel in images.unbind(1)], dim=1)


def _lines(length: int, device: torch.device) -> torch.Tensor:
    """Draw lines through the middle in eight directions, (8, 1, length, length), each with the sum one."""
    reach = length // 2
    angles = torch.arange(8, device=device)[:, None, None] * (math.pi / 8)
    offsets = torch.arange(-reach, reach + 1, device=device)
    down, across = offsets[None, :, None], offsets[None, None]
    beside = (down * torch.cos(angles) - across * torch.sin(angles)).abs()
    along = (across * torch.cos(angles) + down * torch.sin(angles)).abs()
    weights = (1 - beside).clamp(min=0) * (along < reach + 0.3)
    return (weights / weights.sum(dim=(1, 2), keepdim=True))[:, None]

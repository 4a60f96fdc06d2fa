"""JPEG and WebP compression of noisy patches, by the libraries that most files come from (through Pillow)."""

import io

import numpy as np
import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from training.data.noise.draw import Draw
from training.data.noise.pair import Pair

#: Pillow's names of 4:4:4 and 4:2:0.
_SUBSAMPLING = (0, 2)


class Compression(BaseModel):
    """Lossy compression of noisy patches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quality: tuple[int, int] = (30, 100)
    webp: float = Field(default=0.08, ge=0, le=1, description="Share that is WebP instead of JPEG.")

    def __call__(self, pair: Pair, draw: Draw) -> Pair:
        """Compress and decompress the noisy patches (B, C, H, W)."""
        count = len(pair.noisy)
        low, high = self.quality
        # Most files have high quality: the lower, the rarer.
        qualities = high - (high - low) * draw.uniform(count).flatten() ** 2
        subsampled, webp = draw.chance(count, 0.6).flatten(), draw.chance(count, self.webp).flatten()
        files = [
            _through_file(image, round(quality), _SUBSAMPLING[half], "WEBP" if as_webp else "JPEG")
            for image, quality, half, as_webp in zip(
                pair.noisy, qualities.tolist(), subsampled.tolist(), webp.tolist(), strict=True
            )
        ]
        return Pair(torch.stack(files), pair.clean.clamp(0, 1))


def _through_file(image: torch.Tensor, quality: int, subsampling: int, kind: str) -> torch.Tensor:
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    gray = pixels.shape[2] == 1
    file = io.BytesIO()
    options = {"subsampling": subsampling} if kind == "JPEG" and not gray else {}
    # Method 0 is WebP's fastest, with the same block artifacts as the others.
    if kind == "WEBP":
        options["method"] = 0
    Image.fromarray(pixels[..., 0] if gray else pixels).save(file, kind, quality=quality, **options)
    with Image.open(file) as read:
        decoded = np.asarray(read.convert("L" if gray else "RGB"))
    return torch.from_numpy(decoded.reshape(pixels.shape).copy()).permute(2, 0, 1).to(image) / 255

"""The answer to a denoise call."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biasfree_client._errors import UnsupportedImage
from biasfree_client._files import read_result
from biasfree_client._headers import Model, Noise, read_model, read_noise, read_number, read_timing
from biasfree_client._image import NPY, AnyArray, Kind, decode_array
from biasfree_client._pil import image_of
from biasfree_client._response import expect_success
from biasfree_client._save import save

if TYPE_CHECKING:
    import httpx
    from PIL.Image import Image


#: How the names of image files end.
MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".npy": NPY,
}


@dataclass(frozen=True)
class Denoised:
    """A denoised image and what the service said about it.

    Args:
        content: The image file's bytes.
        media_type: What kind of file it is; ``application/x-npy`` is an array.
        model: The model that did it.
        request_id: The id in the service's logs.
        sigma: Estimated noise level on the 0-255 scale, where ``estimate=True`` asked for it.
        estimated_psnr: Estimated PSNR of the result in dB, where asked for and not withheld.
        estimated_psnr_withheld: Why there is no estimated PSNR, where it was asked for.
        noise: What was found of the noise, where ``estimate=True`` asked for it.
        timing: Milliseconds by stage (``decode``, ``queue``, ``infer``, ``encode``).
        kind: What the image was sent as.
    """

    content: bytes = field(repr=False)
    media_type: str
    model: Model | None = None
    request_id: str | None = None
    sigma: float | None = None
    estimated_psnr: float | None = None
    estimated_psnr_withheld: str | None = None
    noise: Noise | None = None
    timing: Mapping[str, float] = field(default_factory=dict)
    kind: Kind = field(default=Kind(), repr=False)

    @cached_property
    def array(self) -> AnyArray:
        """The pixels, with the dtype and shape of what was sent.

        Raises:
            MissingLibrary: The result is an image file, and the extra ``images`` is not installed;
                ``denoise(..., format="npy")`` asks for an array instead.
            UnexpectedResponse: The content is not what its media type says.
        """
        if self.media_type == NPY:
            return decode_array(self.content, self.kind.byte_order)
        return read_result(self.content)

    @property
    def image(self) -> Any:
        """The same kind as was sent: an array, a Pillow image, an open file, or the bytes of a file.

        Raises:
            UnsupportedImage: A Pillow image was sent, and Pillow has no mode for the result.
            MissingLibrary: As ``array``.
        """
        match self.kind.form:
            case "array":
                return self.array
            case "pil":
                return self.pil()
            case "file":
                return io.BytesIO(self.content)
        return self.content

    def pil(self) -> Image:
        """A Pillow image, with the mode and metadata of the one sent, if it was one.

        Raises:
            UnsupportedImage: Pillow has no mode for these pixels, such as colour of 16 bits.
            MissingLibrary: Pillow is not installed.
        """
        return image_of(self.array, self.kind.pil)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the content to a file, whole or not at all.

        Raises:
            FileExistsError: The file is there, and ``overwrite`` is not set.
            UnsupportedImage: The file's name ends as that of another kind of image.
        """
        named = MEDIA_TYPES.get(Path(path).suffix.lower(), self.media_type)
        if named != self.media_type:
            ending = Path(path).suffix
            raise UnsupportedImage(
                f"expected a name for {self.media_type}, which the result is, got {ending}; "
                "denoise(..., format=...) asks for another kind"
            )
        return save(self.content, path, overwrite=overwrite)


def read_denoised(response: httpx.Response, *, kind: Kind) -> Denoised:
    """Read the answer to ``POST /v1/denoise``.

    Raises:
        ProblemError: The service refused or failed.
        UnexpectedResponse: The answer is neither an image nor a problem.
    """
    media_type = expect_success(response, "image/", NPY)
    headers = response.headers
    return Denoised(
        content=response.content,
        media_type=media_type,
        model=read_model(headers),
        request_id=headers.get("X-Request-Id"),
        sigma=read_number(headers, "X-Sigma-Estimate"),
        estimated_psnr=read_number(headers, "X-Estimated-PSNR"),
        estimated_psnr_withheld=headers.get("X-Estimated-PSNR-Withheld"),
        noise=read_noise(headers),
        timing=read_timing(headers),
        kind=kind,
    )

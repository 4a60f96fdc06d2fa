"""The answer to a denoise call."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biasfree_client._errors import UnsupportedImage
from biasfree_client._files import read_result
from biasfree_client._formats import NPY, misfit
from biasfree_client._headers import Model, Noise, read_model, read_noise, read_number, read_timing
from biasfree_client._image import AnyArray, Kind, decode_array
from biasfree_client._pil import INK, image_of, info_of
from biasfree_client._response import expect_success
from biasfree_client._save import save

if TYPE_CHECKING:
    import httpx
    from PIL.Image import Image


@dataclass(frozen=True)
class Denoised:
    """A denoised image, with the facts that the service reported about it.

    Args:
        content: The image file's bytes.
        media_type: Media type of the file; ``application/x-npy`` is an array.
        model: The model that denoised it.
        request_id: The request's id in the service's logs.
        sigma: Estimated noise level on the 0-255 scale; None without ``estimate=True``.
        estimated_psnr: Estimated PSNR of the result in dB; None without ``estimate=True``, or if withheld.
        estimated_psnr_withheld: Why the service withheld the estimated PSNR.
        noise: The noise that was found; None without ``estimate=True``.
        warning: What was assumed about the image, left out of it or converted; None if nothing.
        timing: Milliseconds per stage (``decode``, ``queue``, ``infer``, ``encode``).
        kind: The kind of object the image was given as.
    """

    content: bytes = field(repr=False)
    media_type: str
    model: Model | None = None
    request_id: str | None = None
    sigma: float | None = None
    estimated_psnr: float | None = None
    estimated_psnr_withheld: str | None = None
    noise: Noise | None = None
    warning: str | None = None
    timing: Mapping[str, float] = field(default_factory=dict)
    kind: Kind = field(default=Kind(), repr=False)

    @cached_property
    def array(self) -> AnyArray:
        """Return the pixels, with the dtype and shape of the image that was sent.

        Raises:
            MissingLibrary: The result is an image file, and the extra ``images`` is not installed;
                use ``denoise(..., format="npy")`` to get an array instead.
            UnexpectedResponse: The content does not match its media type.
        """
        if self.media_type == NPY:
            return decode_array(self.content, self.kind.byte_order)
        return read_result(self.content)

    @property
    def image(self) -> Any:
        """Return the kind of object that was sent: an array, a Pillow image, an open file, or the bytes of a file.

        Raises:
            UnsupportedImage: A Pillow image was sent, and Pillow has no mode for the result.
            MissingLibrary: As for ``array``.
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
        """Return a Pillow image. It has the mode and metadata of the Pillow image that was sent, or those of the file.

        A CMYK image comes back as RGB, unless no pixel changed.

        Raises:
            UnsupportedImage: Pillow has no mode for these pixels, such as 16-bit color.
            MissingLibrary: Pillow is not installed.
        """
        image = image_of(self.array, self.kind.pil)
        if self.kind.pil is None:
            image.info.update(info_of(self.content, self.media_type))
        return image

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the content to a file, atomically.

        Raises:
            FileExistsError: The file exists, and ``overwrite`` is not set.
            UnsupportedImage: The suffix belongs to another image format.
        """
        if words := misfit(Path(path).suffix, self.media_type):
            raise UnsupportedImage(f"{words}; choose its format with denoise(..., format=...)")
        return save(self.content, path, overwrite=overwrite)


def read_denoised(response: httpx.Response, *, kind: Kind) -> Denoised:
    """Read the answer to ``POST /v1/denoise``.

    Raises:
        ProblemError: The service refused or failed.
        UnexpectedResponse: The answer is neither an image nor a problem document.
    """
    media_type = expect_success(response, "image/", NPY)
    headers = response.headers
    conversion = _conversion(response.content, media_type, kind)
    warning = "; ".join(each for each in (headers.get("X-Warning"), conversion) if each) or None
    if warning is not None and kind.form in ("array", "pil"):
        warnings.warn(warning, stacklevel=2)
    return Denoised(
        content=response.content,
        media_type=media_type,
        model=read_model(headers),
        request_id=headers.get("X-Request-Id"),
        sigma=read_number(headers, "X-Sigma-Estimate"),
        estimated_psnr=read_number(headers, "X-Estimated-PSNR"),
        estimated_psnr_withheld=headers.get("X-Estimated-PSNR-Withheld"),
        noise=read_noise(headers),
        warning=warning,
        timing=read_timing(headers),
        kind=kind,
    )


def _conversion(content: bytes, media_type: str, kind: Kind) -> str | None:
    """Say that a Pillow image was converted, and its result not converted back; None if it was."""
    if kind.pil is None or kind.pil.mode != INK:
        return None
    if media_type == NPY and kind.pil.unchanged(decode_array(content)) is not None:
        return None
    return f"the {INK} image was converted to RGB before denoising, and the result was not converted back"

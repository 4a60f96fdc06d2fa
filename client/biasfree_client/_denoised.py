"""The answer to a denoise call."""

import errno
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx

from biasfree_client._headers import Model, read_model, read_number, read_timing
from biasfree_client._image import NPY, AnyArray, ByteOrder, decode_array
from biasfree_client._response import expect_success


@dataclass(frozen=True)
class Denoised:
    """A denoised image and what the service said about it.

    Args:
        content: The image file's bytes.
        media_type: What kind of file it is; ``application/x-npy`` is an array.
        model: The model that did it.
        request_id: The id in the service's logs.
        sigma: Estimated noise level on the 0-255 scale, where ``estimate=True`` asked for it.
        estimated_psnr: Estimated PSNR of the result in dB, where asked for.
        timing: Milliseconds by stage (``decode``, ``queue``, ``infer``, ``encode``).
        byte_order: That of the array sent; the service answers in its own.
    """

    content: bytes = field(repr=False)
    media_type: str
    model: Model | None = None
    request_id: str | None = None
    sigma: float | None = None
    estimated_psnr: float | None = None
    timing: Mapping[str, float] = field(default_factory=dict)
    byte_order: ByteOrder = field(default="=", repr=False)

    @cached_property
    def array(self) -> AnyArray:
        """The pixels, with the dtype and shape of the array sent.

        Raises:
            ValueError: The result is an image file; ``format="npy"`` asks for an array instead.
        """
        if self.media_type != NPY:
            raise ValueError(f'expected an array, got {self.media_type}; ask for one with denoise(..., format="npy")')
        return decode_array(self.content, self.byte_order)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the content to a file, whole or not at all.

        Raises:
            FileExistsError: The file is there, and ``overwrite`` is not set.
        """
        target = Path(path)
        if target.exists() and not overwrite:
            raise FileExistsError(errno.EEXIST, "expected no such file yet", str(target))
        # Renamed when complete, so that a file of that name is never half an image.
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
        try:
            partial.write_bytes(self.content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target


def read_denoised(response: httpx.Response, *, byte_order: ByteOrder = "=") -> Denoised:
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
        timing=read_timing(headers),
        byte_order=byte_order,
    )

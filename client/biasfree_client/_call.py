"""A call to the service as a value: what to send, and how to read the answer.

Both clients send the same ``Call``; only how they wait differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import httpx

from biasfree_client._denoised import Denoised, read_denoised
from biasfree_client._image import NPY, Body, ImageLike, encode

AnswerT = TypeVar("AnswerT")
Parameter = str | int | float


@dataclass(frozen=True)
class Call(Generic[AnswerT]):
    """One POST and the reader of its answer."""

    path: str
    body: Body
    parameters: Mapping[str, Parameter]
    headers: Mapping[str, str]
    read: Callable[[httpx.Response], AnswerT]


def denoise_call(
    image: ImageLike,
    *,
    strength: float,
    model: str | None,
    estimate: bool,
    format: str | None,
    output: str | None,
    color: str | None,
    bit_depth: int | None,
) -> Call[Denoised]:
    """``POST /v1/denoise``. Arguments as ``Denoiser.denoise`` has them."""
    body = encode(image)
    # An array comes back as an array unless another format was asked for.
    wanted = format or ("npy" if body.media_type == NPY else None)
    options: dict[str, Parameter | None] = {
        "strength": strength,
        "model": model,
        "estimate": "true" if estimate else None,
        "format": wanted,
        "output": output,
        "color": color,
        "bit_depth": bit_depth,
    }
    return Call(
        path="/v1/denoise",
        body=body,
        parameters={name: value for name, value in options.items() if value is not None},
        # Images and arrays alone: without this a proxy may think that HTML is welcome.
        headers={"Accept": f"image/*, {NPY}"},
        read=partial(read_denoised, byte_order=body.byte_order),
    )

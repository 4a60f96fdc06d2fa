"""A call to the service as a value: what to send, and how to read the answer.

Both clients send the same ``Call``; only how they wait differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from biasfree_client._analysis import NPZ, Analysis, read_analysis
from biasfree_client._denoised import Denoised, read_denoised
from biasfree_client._image import NPY, Body, ImageLike, encode
from biasfree_client._response import expect_success

if TYPE_CHECKING:
    import httpx

AnswerT = TypeVar("AnswerT")
Parameter = str | int | float | Sequence[str]
JSON = "application/json"
FIGURE = "image/png"


@dataclass(frozen=True)
class Call(Generic[AnswerT]):
    """One request and the reader of its answer.

    Args:
        method: ``GET`` or ``POST``.
        path: Below the service's address.
        read: Reads the answer, or raises what it refuses with.
        accept: Media types that are welcome.
        images: What is sent: one image as the body, several as a form, by the names of its fields.
        parameters: Of the query; None is left out.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], AnswerT]
    accept: str
    images: Mapping[str, Body] = field(default_factory=dict)
    parameters: Mapping[str, Parameter | None] = field(default_factory=dict)

    def request(self, http: httpx.Client | httpx.AsyncClient, timeout: httpx.Timeout) -> httpx.Request:
        """The request of one try."""
        given = {name: value for name, value in self.parameters.items() if value is not None}
        return http.build_request(
            self.method,
            self.path,
            params=given or None,
            timeout=timeout,
            **self._body(),
        )

    def _body(self) -> dict[str, Any]:
        headers = {"Accept": self.accept}
        match list(self.images.values()):
            case []:
                return {"headers": headers}
            case [only]:
                return {"headers": {**headers, "Content-Type": only.media_type}, "content": only.content}
        files = {name: (name, body.content, body.media_type) for name, body in self.images.items()}
        return {"headers": headers, "files": files}


class AnalyzeOptions(TypedDict, total=False):
    """Options of ``analyze``, for ``figure``."""

    clean: ImageLike | None
    x0: int | None
    y0: int | None
    size: int | None
    k: int | None
    method: str | None
    pixels: Sequence[tuple[int, int]]
    probes: int | None
    frame: int | None
    model: str | None
    color: str | None
    bit_depth: int | None


def answered(call: Call[Any], *, accept: str, read: Callable[[httpx.Response], AnswerT]) -> Call[AnswerT]:
    """The same call with another answer."""
    return Call(call.method, call.path, read, accept, call.images, call.parameters)


def raw(call: Call[Any]) -> Call[httpx.Response]:
    """The same call, whose answer is given as it came; what the service refused is an error all the same."""
    return answered(call, accept=call.accept, read=partial(_unread, accept=call.accept))


def _unread(response: httpx.Response, *, accept: str) -> httpx.Response:
    expect_success(response, *(each.strip().rstrip("*") for each in accept.split(",")))
    return response


def denoise_call(
    image: ImageLike,
    *,
    strength: float = 1.0,
    chroma_strength: float | None = None,
    model: str | None = None,
    estimate: bool = False,
    format: str | None = None,
    output: str | None = None,
    color: str | None = None,
    bit_depth: int | None = None,
) -> Call[Denoised]:
    """``POST /v1/denoise``. Arguments as ``Denoiser.denoise`` has them."""
    body = encode(image)
    return Call(
        "POST",
        "/v1/denoise",
        partial(read_denoised, kind=body.kind),
        # Images and arrays alone: without this a proxy may think that HTML is welcome.
        accept=f"image/*, {NPY}",
        images={"image": body},
        parameters={
            "strength": strength,
            "chroma_strength": chroma_strength,
            "model": model,
            "estimate": "true" if estimate else None,
            # An array comes back as an array unless another format was asked for.
            "format": format or ("npy" if body.media_type == NPY else None),
            "output": output,
            "color": color,
            "bit_depth": bit_depth,
        },
    )


def analyze_call(
    image: ImageLike,
    *,
    clean: ImageLike | None = None,
    x0: int | None = None,
    y0: int | None = None,
    size: int | None = None,
    k: int | None = None,
    method: str | None = None,
    pixels: Sequence[tuple[int, int]] = (),
    probes: int | None = None,
    frame: int | None = None,
    model: str | None = None,
    color: str | None = None,
    bit_depth: int | None = None,
) -> Call[Analysis]:
    """``POST /v1/analyze``, answered in arrays. Arguments as ``Denoiser.analyze`` has them."""
    images = {"image": encode(image)} | ({} if clean is None else {"clean": encode(clean)})
    return Call(
        "POST",
        "/v1/analyze",
        read_analysis,
        accept=NPZ,
        images=images,
        parameters={
            "x": x0,
            "y": y0,
            "size": size,
            "k": k,
            "method": method,
            "pixel": [f"{x},{y}" for x, y in pixels] or None,
            "probes": probes,
            "frame": frame,
            "model": model,
            "color": color,
            "bit_depth": bit_depth,
        },
    )


def figure_call(image: ImageLike, **options: Unpack[AnalyzeOptions]) -> Call[bytes]:
    """``POST /v1/analyze``, answered with the service's own figure. Arguments as ``analyze_call``."""
    return answered(analyze_call(image, **options), accept=FIGURE, read=_read_figure)


def _read_figure(response: httpx.Response) -> bytes:
    expect_success(response, FIGURE)
    return response.content


def fact_call(path: str, read: Callable[[httpx.Response], AnswerT], *names: str) -> Call[AnswerT]:
    """``GET`` of what the service says about itself, at ``path`` and the names below it."""
    return Call("GET", "/".join((path, *(quote(name, safe="") for name in names))), read, accept=JSON)

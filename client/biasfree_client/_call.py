"""A call to the service as a value: what to send, and how to read the answer.

Both clients send the same ``Call``; they differ only in how they wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack
from urllib.parse import quote

from biasfree_client._analysis import NPZ, Analysis, read_analysis
from biasfree_client._arrays import check_axes
from biasfree_client._denoised import Denoised, read_denoised
from biasfree_client._formats import NPY, Format
from biasfree_client._image import Body, ImageLike, encode
from biasfree_client._options import AnalyzeOptions, DenoiseOptions, Parameter, analyze_query, denoise_query
from biasfree_client._progress import Progress, read_progress
from biasfree_client._response import expect_success

if TYPE_CHECKING:
    import httpx

AnswerT = TypeVar("AnswerT")
JSON = "application/json"
FIGURE = Format.PNG.media_type


@dataclass(frozen=True)
class Call(Generic[AnswerT]):
    """A request, and the reader of its answer.

    Args:
        method: ``GET`` or ``POST``.
        path: Path below the service's address.
        read: Reads the answer, or raises its error.
        accept: Accepted media types.
        images: Images to send, by field name: a single one becomes the body, several become a form.
        parameters: Query parameters.
        request_id: Id to send, by which the service tells the progress.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], AnswerT]
    accept: str
    images: Mapping[str, Body] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    request_id: str | None = None

    def request(self, http: httpx.Client | httpx.AsyncClient, timeout: httpx.Timeout) -> httpx.Request:
        """Build the request for one try."""
        return http.build_request(
            self.method,
            self.path,
            params=self.parameters or None,
            timeout=timeout,
            **self._body(),
        )

    def _body(self) -> dict[str, Any]:
        headers = {"Accept": self.accept} | ({} if self.request_id is None else {"X-Request-Id": self.request_id})
        match list(self.images.values()):
            case []:
                return {"headers": headers}
            case [only]:
                return {"headers": {**headers, "Content-Type": only.media_type}, "content": only.content}
        files = {name: (name, body.content, body.media_type) for name, body in self.images.items()}
        return {"headers": headers, "files": files}


def raw(call: Call[Any]) -> Call[httpx.Response]:
    """Make the call return its response unread; the service's errors are still raised."""
    return replace(call, read=partial(_unread, accept=call.accept))


def _unread(response: httpx.Response, *, accept: str) -> httpx.Response:
    expect_success(response, *(each.strip().rstrip("*") for each in accept.split(",")))
    return response


def denoise_call(image: ImageLike, **options: Unpack[DenoiseOptions]) -> Call[Denoised]:
    """Build ``POST /v1/denoise``. The result of an array is an array, unless ``format`` is given."""
    check_axes(image, options.get("axes"))
    body = encode(image)
    default_format: Mapping[str, Parameter] = {"format": Format.NPY.value} if body.media_type == NPY else {}
    return Call(
        "POST",
        "/v1/denoise",
        partial(read_denoised, kind=body.kind),
        # Only images and arrays: otherwise a proxy may answer with HTML.
        accept=f"image/*, {NPY}",
        images={"image": body},
        parameters={**default_format, **_axes([body]), **denoise_query(options)},
    )


def analyze_call(image: ImageLike, **options: Unpack[AnalyzeOptions]) -> Call[Analysis]:
    """Build ``POST /v1/analyze``, answered with arrays."""
    check_axes(image, options.get("axes"))
    clean = options.get("clean")
    images = {"image": encode(image)} | ({} if clean is None else {"clean": encode(clean)})
    parameters = {**_axes(images.values()), **analyze_query(options)}
    return Call("POST", "/v1/analyze", read_analysis, accept=NPZ, images=images, parameters=parameters)


def _axes(images: Collection[Body]) -> dict[str, Parameter]:
    """Return the parameter ``axes`` if all images are arrays with the same axes; otherwise no parameter."""
    known = {body.axes for body in images}
    axes = known.pop() if len(known) == 1 else None
    return {} if axes is None else {"axes": axes}


def figure_call(image: ImageLike, **options: Unpack[AnalyzeOptions]) -> Call[bytes]:
    """Build ``POST /v1/analyze``, answered with the service's figure."""
    call = analyze_call(image, **options)
    return Call(call.method, call.path, _read_figure, FIGURE, call.images, call.parameters)


def _read_figure(response: httpx.Response) -> bytes:
    expect_success(response, FIGURE)
    return response.content


def progress_call(request_id: str) -> Call[Progress]:
    """Build the question how far a request is."""
    return fact_call("/requests", read_progress, request_id)


def fact_call(path: str, read: Callable[[httpx.Response], AnswerT], *names: str) -> Call[AnswerT]:
    """Build a ``GET`` of the service's own description, at ``path`` and the names below it."""
    return Call("GET", "/".join((path, *(quote(name, safe="") for name in names))), read, accept=JSON)

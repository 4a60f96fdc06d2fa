"""The requests and answers of ``/analyze``, for the OpenAPI document."""

from typing import Any

from service.analysis.document import AnalysisDocument
from service.analysis.task import Output
from service.http.body import JsonImages
from service.routes.denoise_schemas import ERRORS, IMAGE_TYPES, problem_responses

_FILE = {"type": "string", "format": "binary"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An image as for `/denoise`, and optionally the same image without noise, for "
        "`signal_preserved`.",
        "content": {
            **IMAGE_TYPES,
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["image"], "properties": {"image": _FILE, "clean": _FILE}}
            },
            "application/json": {"schema": JsonImages.model_json_schema()},
        },
    }
}
_HEADERS = {
    "X-Request-Id": "Request id, as in the log; the client's own if it sent one.",
    "X-Model": "Name, version and SHA-256 of the model file.",
    "Server-Timing": "Milliseconds for decoding, and for the analysis including its waiting time.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The analysis as JSON with small pictures, as NumPy arrays (NPZ), or as one figure.",
        "content": {
            Output.JSON: {"schema": AnalysisDocument.model_json_schema(ref_template="#/components/schemas/{model}")},
            Output.NPZ: {"schema": _FILE},
            Output.PNG: {"schema": _FILE},
        },
        "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
    },
    **problem_responses(
        ERRORS
        | {
            422: "A parameter is invalid, the patch or a pixel is out of bounds, or a pixel is not finite",
            429: "Too many analyses are waiting; retry after `Retry-After` seconds",
            500: "The analysis process died, most likely because it ran out of memory",
        }
    ),
}

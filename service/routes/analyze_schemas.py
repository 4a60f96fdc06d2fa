"""What ``/analyze`` takes and gives, for validation and for the OpenAPI document."""

from typing import Any

from service.analysis.document import AnalysisDocument
from service.analysis.task import Output
from service.http.body import JsonImages
from service.routes.denoise_schemas import ERRORS, IMAGE_TYPES, problem_responses

_FILE = {"type": "string", "format": "binary"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An image as for `/denoise`, and where it is known the same image without noise, for "
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
    "X-Request-Id": "The id in the log; the one sent, if any.",
    "X-Model": "Name, version and SHA-256 of the model file.",
    "Server-Timing": "Milliseconds of decode, and of the analysis with its waiting.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What was found: as JSON with small pictures, as NumPy arrays (NPZ), or as one figure.",
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
            429: "Too many analyses wait; `Retry-After` says when to come again",
            500: "The analysis process died, most likely for want of memory",
        }
    ),
}

"""The refusal of query parameters that are given twice, of which FastAPI would take the last without a word."""

from typing import get_origin

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError

from service.http.problems import parameters


def _refuse_repeated(request: Request) -> None:
    """Refuse a repeated parameter, unless it is a list.

    Raises:
        RequestValidationError: It is answered like any other invalid parameter.
    """
    single = [name for name, info in parameters(request).items() if get_origin(info.annotation) is not list]
    sent = {name: request.query_params.getlist(name) for name in single}
    errors = [
        {
            "type": "repeated",
            "loc": ("query", name),
            "msg": f"given {len(values)} times; send it once",
            "input": ", ".join(values),
        }
        for name, values in sent.items()
        if len(values) > 1
    ]
    if errors:
        raise RequestValidationError(errors)


#: For the routes that take parameters.
PARAMETERS_ONCE = Depends(_refuse_repeated)

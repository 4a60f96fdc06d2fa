"""Recipes and plans checked field by field, with errors of one sentence."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from biasfree.options import suggestion, what_is_wrong

ModelT = TypeVar("ModelT", bound=BaseModel)


def checked(model: type[ModelT], values: Any) -> ModelT:
    """Return the values of a TOML file as a model of pydantic.

    Raises:
        ValueError: A field is unknown, missing or invalid; the sentence is about one of them.
    """
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        raise ValueError(_sentence(exc, model)) from exc


def _sentence(exc: ValidationError, model: type[BaseModel]) -> str:
    # A misspelled field that is required is an unknown one and a missing one: the first says more.
    first = min(exc.errors(), key=lambda error: error["type"] != "extra_forbidden")
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "value_error":
        error = str(first["ctx"]["error"])
        return f"{path}: {error}" if path else error
    if not path:
        return str(first["msg"])
    if first["type"] == "missing":
        return f"the field {path} is missing"
    owner, name = _owner(model, first["loc"]), str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        return f"there is no field {path}; {suggestion(name, list(owner.model_fields))}"
    words = re.sub(r"^(Input|String|Tuple) should ", "must ", what_is_wrong(first, owner.model_fields.get(name)))
    return f"{path} = {first['input']!r}: {words}"


def _owner(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """Return the model that has the last field of a path."""
    for name in path[:-1]:
        field = model.model_fields.get(str(name))
        kinds = () if field is None else (field.annotation, *get_args(field.annotation))
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model

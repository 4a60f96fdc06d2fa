"""The file of a model, from the name of a shipped model or from a path."""

from collections.abc import Collection
from pathlib import Path

import biasfree
from biasfree.artifact import SHIPPED
from biasfree.options import suggestion


def model_file(model: str | Path, *, also: Collection[str] = ()) -> Path:
    """Return the file of a model.

    Args:
        model: Name of a shipped model, or path of a model file.
        also: Other names that the caller accepts, to suggest if there is no such model.

    Raises:
        ValueError: There is neither a shipped model nor a file of this name.
    """
    shipped = biasfree.models()
    if str(model) in shipped:
        return SHIPPED / f"{model}.onnx"
    path = Path(model)
    if path.is_file():
        return path
    raise ValueError(f"there is no model and no file {str(model)!r}; {suggestion(str(model), [*shipped, *also])}")

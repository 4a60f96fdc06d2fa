"""Optional libraries, which the extras of this distribution install."""

from importlib import import_module
from types import ModuleType
from typing import Any

from biasfree_client._errors import MissingLibrary


def optional(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional library.

    Args:
        module: The module to import.
        extra: The extra of this distribution that installs it.
        purpose: What requires it, as the beginning of a sentence.

    Raises:
        MissingLibrary: The library is not installed.
    """
    try:
        found: ModuleType = import_module(module)
    except ImportError as exc:
        needed = module.partition(".")[0]
        raise MissingLibrary(f"{purpose} requires {needed}: pip install 'biasfree-client[{extra}]'") from exc
    return found

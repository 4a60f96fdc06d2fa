"""Libraries that are there only where an extra was installed."""

from importlib import import_module
from types import ModuleType
from typing import Any

from biasfree_client._errors import MissingLibrary


def optional(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional library.

    Args:
        module: What to import.
        extra: The extra of this distribution that brings it.
        purpose: What it is needed for, as the beginning of a sentence.

    Raises:
        MissingLibrary: It is not installed.
    """
    try:
        found: ModuleType = import_module(module)
    except ImportError as exc:
        needed = module.partition(".")[0]
        raise MissingLibrary(f"{purpose} needs {needed}: pip install 'biasfree-client[{extra}]'") from exc
    return found

"""Groups of options: a command takes a dataclass, and the command line offers each of its fields."""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar, cast, get_type_hints

OptionsT = TypeVar("OptionsT")


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Offer the fields of a command's dataclass parameters as options, in their place.

    Args:
        command: A function whose parameters are annotated with Typer's options and arguments, or with dataclasses
            whose fields are.
    """
    parameters = signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {each.name: each.annotation for each in parameters if is_dataclass(each.annotation)}

    @wraps(command)
    def flat(**given: Any) -> None:
        filled = {
            name: group(**{each.name: given.pop(each.name) for each in fields(group)}) for name, group in groups.items()
        }
        command(**given, **filled)

    offered = [each for one in parameters for each in (_fields(groups[one.name]) if one.name in groups else [one])]
    flat.__signature__ = Signature([each.replace(kind=Parameter.KEYWORD_ONLY) for each in offered])  # type: ignore[attr-defined]  # what Typer reads
    return flat


def _fields(group: Any) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            each.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if each.default is MISSING else each.default,
            annotation=hints[each.name],
        )
        for each in fields(group)
    ]


def options_of(group: Any, declared: type[OptionsT]) -> OptionsT:
    """Return the fields of a group that have the names of a call's options.

    Args:
        group: The group.
        declared: ``DenoiseOptions`` or ``AnalyzeOptions``.
    """
    names = [each.name for each in fields(group) if each.name in declared.__annotations__]
    return cast("OptionsT", {name: getattr(group, name) for name in names})

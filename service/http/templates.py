"""The route template of a path, also for requests that do not reach the router."""

import re
from collections.abc import Iterable

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path

#: Unknown paths, such as those of scanners, share one label.
UNKNOWN = "unknown"


class Templates:
    """The templates of an application's routes.

    Args:
        routes: All routes of the application.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        paths = [path for context in iter_route_contexts(list(routes)) if (path := context.path_format)]
        self._plain = {path for path in paths if "{" not in path}
        # A mount takes everything below it.
        patterns = [path.replace("{path}", "{path:path}") for path in paths if "{" in path]
        self._patterns: list[tuple[re.Pattern[str], str]] = [
            (pattern, template) for pattern, template, _ in map(compile_path, patterns)
        ]

    def of(self, path: str) -> str:
        """Return the template of a path, or ``unknown``."""
        if path in self._plain:
            return path
        return next((template for pattern, template in self._patterns if pattern.match(path)), UNKNOWN)

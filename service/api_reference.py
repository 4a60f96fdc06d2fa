"""``python -m service.api_reference``: the OpenAPI document as a Markdown page, docs/api-reference.md."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from service.app import create_app, start
from service.settings import Settings

Json = Mapping[str, Any]

HEAD = """# API reference

Made by `python -m service.api_reference > docs/api-reference.md` from the OpenAPI document that every service has at
`/openapi.json`. What the parameters mean together, and the formats: [api.md](api.md).
"""


def reference(document: Json) -> str:
    """A section for each operation, and one for each schema that an answer has.

    Args:
        document: OpenAPI 3.1, as FastAPI makes it.
    """
    operations = (
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    schemas = document["components"]["schemas"]
    return "\n".join([HEAD, *operations, "## Schemas\n", *(_schema(name, schemas[name]) for name in sorted(schemas))])


def _operation(method: str, path: str, operation: Json) -> str:
    lines = [f"## `{method.upper()} {path}`", "", operation.get("description") or operation["summary"], ""]
    if parameters := operation.get("parameters"):
        rows = ((each["name"], each["in"], _type(each["schema"]), _text(each)) for each in parameters)
        lines += [*_table(("parameter", "in", "type", ""), rows), ""]
    answers = (
        (status, ", ".join(answer.get("content", {})), _text(answer))
        for status, answer in operation["responses"].items()
    )
    return "\n".join([*lines, *_table(("status", "content", ""), answers), ""])


def _schema(name: str, schema: Json) -> str:
    rows = ((field, _type(value), _text(value)) for field, value in schema.get("properties", {}).items())
    return "\n".join([f"### {name}", "", _text(schema), "", *_table(("field", "type", ""), rows), ""])


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    """Cells whose first is code."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for first, *rest in rows:
        cells = [f"`{first}`", *rest]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return lines


def _text(part: Json) -> str:
    """Its description, on one line, and what is allowed."""
    words = " ".join(str(part.get("description", "")).split())
    schema = part.get("schema", {})
    if (default := schema.get("default")) is not None:
        words = f"{words} Default `{str(default).lower() if isinstance(default, bool) else default}`."
    return words.strip()


def _type(schema: Json) -> str:
    """In words: ``integer from 1 to 32 or null``."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(each) for each in alternatives)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}" if "items" in schema else "array"
    bounds = [f"{word} {schema[key]:g}" for word, key in (("from", "minimum"), ("to", "maximum")) if key in schema]
    return " ".join([str(schema.get("type", "any")), *bounds])


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(reference(create_app(start(Settings(device="cpu"))).openapi()))


if __name__ == "__main__":
    main()

"""The door to the avro library: from JSON to its schema objects, where each stands, and what it promotes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versiqiid.core.limits import pointer_token
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from versiqiid.core.canonical import Json

_ELSEWHERE = '; a schema that defines it is named at the top: "references": ["schemas/<family>/<version>"]'
NAMED = frozenset({"record", "error", "enum", "fixed"})


@dataclass(frozen=True, slots=True, eq=False)
class AvroSchema:
    """A parsed schema.

    :ivar pointers: where each schema object stands, by ``id``; named ones at their definition. They belong to ``root``.
    """

    root: Any
    pointers: dict[int, str]

    def at(self, schema: Any) -> str:
        """The RFC 6901 pointer of a part; empty for what was defined in another document."""
        return self.pointers.get(id(schema), "")


def read(schema: Json, references: Sequence[Json] = ()) -> AvroSchema:
    """The schema, ready to be compared.

    :param references: further schemas, in order, whose names it may use.
    :raises UnusableSchema: it is no Avro schema, or uses a name that nobody defines.
    """
    import avro.errors  # noqa: PLC0415 -- other families never pay for it
    import avro.name  # noqa: PLC0415
    import avro.schema  # noqa: PLC0415

    names = avro.name.Names()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", avro.errors.IgnoredLogicalType)  # as the specification demands
            for reference in references:
                avro.schema.make_avsc_object(reference, names)
            known = names.get_name(schema, None) if isinstance(schema, str) else None
            root = known or avro.schema.make_avsc_object(schema, names)
    except (avro.errors.AvroException, TypeError, ValueError, AttributeError, KeyError, RecursionError) as error:
        unknown = "Unknown named schema" in (told := _first_line(error))
        raise UnusableSchema(
            f"no Avro schema: {told}{_ELSEWHERE if unknown else ''}",
            hint="avro.apache.org/docs says how one is written",
        ) from None
    return AvroSchema(root, _places(root))


def promotes(reader: Any, writer: Any) -> bool:
    """Whether the library takes one primitive type for another, equal ones included."""
    from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType  # noqa: PLC0415

    result = ReaderWriterCompatibilityChecker().calculate_compatibility(reader, writer, [])  # type: ignore[no-untyped-call]
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


def aliases_of(schema: Any) -> frozenset[str]:
    """The full names of a named schema's aliases: those without a dot are in the namespace of the schema."""
    written = schema.props.get("aliases")
    names = [name for name in written if isinstance(name, str)] if isinstance(written, list | tuple) else []
    space = schema.namespace
    return frozenset(name if "." in name or not space else f"{space}.{name}" for name in names)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def _places(root: Any) -> dict[int, str]:
    """Document order, so that a named schema is met first where it is defined."""
    pointers: dict[int, str] = {}
    stack = [(root, "")]
    while stack:
        schema, pointer = stack.pop()
        if id(schema) in pointers:
            continue
        pointers[id(schema)] = pointer
        stack.extend(reversed([(child, pointer + tail) for child, tail in _children(schema)]))
    return pointers


def _children(schema: Any) -> list[tuple[Any, str]]:
    match schema.type:
        case "record" | "error":
            return [(field.type, f"/fields/{index}/type") for index, field in enumerate(schema.fields)]
        case "array":
            return [(schema.items, "/items")]
        case "map":
            return [(schema.values, "/values")]
        case "union" | "error_union":
            return [(branch, pointer_token(index)) for index, branch in enumerate(schema.schemas)]
        case _:
            return []

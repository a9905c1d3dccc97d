"""Whether a document fits an Avro schema: JSON with untagged unions, where the first branch that fits is taken.

The types are those of the specification (https://avro.apache.org/docs/1.12.0/specification/); ``bytes`` and ``fixed``
are texts of the characters U+0000 to U+00FF, as in its JSON encoding. A field that has a default may be left out, as a
reader takes it; what is no field of the record is refused. The avro library reads the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.compatibility.avro.reading import read
from versiqiid.core.limits import pointer_token
from versiqiid.core.schema.wording import alternatives, not_allowed, shown
from versiqiid.core.violation import Violation
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

_RANGES: Final = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_BYTE_MAX: Final = 0xFF
_STEPS_MAX: Final = 1_000_000  # pairs of a schema and a value: branches of branches would take for ever


@dataclass(slots=True)
class AvroDocuments:
    """A schema that judges documents."""

    root: Any
    _steps: int = 0

    def violations(self, document: Json) -> tuple[Violation, ...]:
        """Why the document does not fit, empty when it does.

        :raises UnusableSchema: ``work limit``: unions of unions that have no end.
        """
        self._steps = 0
        return tuple(self._judge(self.root, document, ""))

    def _judge(self, schema: Any, value: Json, pointer: str) -> Iterator[Violation]:
        self._steps += 1
        if self._steps > _STEPS_MAX:
            raise UnusableSchema(f"work limit: more than {_STEPS_MAX} comparisons of a value with a type")
        match schema.type:
            case "union" | "error_union":
                yield from self._union(schema, value, pointer)
            case "record" | "error":
                yield from self._record(schema, value, pointer)
            case "array":
                yield from self._array(schema, value, pointer)
            case "map":
                yield from self._map(schema, value, pointer)
            case "enum":
                if value not in schema.symbols:
                    expected = alternatives(map(shown, schema.symbols))
                    yield Violation(pointer, "enum", f"expected {expected}")
            case kind:
                if not _is(kind, value) or (kind == "fixed" and len(value) != schema.size):
                    yield Violation(pointer, "type", f"expected {_called(schema)}")

    def _union(self, schema: Any, value: Json, pointer: str) -> Iterator[Violation]:
        """The reasons of the one branch of the value's own kind, where there is one; else what the branches are."""
        reasons = []
        for branch in schema.schemas:
            found = list(self._judge(branch, value, pointer))
            if not found:
                return
            if any(each.pointer != pointer or each.keyword not in ("type", "enum") for each in found):
                reasons.append(found)
        if len(reasons) == 1:
            yield from reasons[0]
            return
        yield Violation(pointer, "union", f"expected {alternatives(map(_called, schema.schemas))}")

    def _record(self, schema: Any, value: Json, pointer: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield Violation(pointer, "type", f"expected {_called(schema)}")
            return
        for field in schema.fields:
            if field.name in value:
                yield from self._judge(field.type, value[field.name], pointer + pointer_token(field.name))
            elif not field.has_default:
                yield Violation(pointer, "required", f"field {shown(field.name)} is required: it has no default")
        fields = {field.name: None for field in schema.fields}
        if unknown := [name for name in value if name not in fields]:
            yield Violation(pointer, "fields", not_allowed(unknown, fields))

    def _array(self, schema: Any, value: Json, pointer: str) -> Iterator[Violation]:
        if not isinstance(value, list):
            yield Violation(pointer, "type", "expected an array")
            return
        for at, item in enumerate(value):
            yield from self._judge(schema.items, item, pointer + pointer_token(at))

    def _map(self, schema: Any, value: Json, pointer: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield Violation(pointer, "type", "expected a map")
            return
        for key, item in value.items():
            yield from self._judge(schema.values, item, pointer + pointer_token(key))


def compile_avro(schema: Json, references: Sequence[Json] = ()) -> AvroDocuments:
    """The schema, ready to judge.

    :param references: further schemas, in order, whose names it may use.
    :raises UnusableSchema: it is no Avro schema.
    """
    return AvroDocuments(read(schema, references).root)


def _is(kind: str, value: Json) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long":
            low, high = _RANGES[kind]
            return whole and low <= value <= high
        case "float" | "double":
            return whole or isinstance(value, float)
        case "bytes" | "fixed":
            return isinstance(value, str) and all(ord(character) <= _BYTE_MAX for character in value)
        case _:
            return isinstance(value, str)


_WORDS: Final = {
    "null": "null",
    "boolean": "true or false",
    "int": "a whole number of 32 bits",
    "long": "a whole number of 64 bits",
    "float": "a number",
    "double": "a number",
    "bytes": "bytes as characters up to U+00FF",
    "string": "a string",
    "array": "an array",
    "map": "a map",
}


def _called(schema: Any) -> str:
    match schema.type:
        case "record" | "error":
            return f"a record {schema.fullname}"
        case "enum":
            return f"a symbol of {schema.fullname}"
        case "fixed":
            return f"{schema.size} bytes as characters up to U+00FF"
        case kind:
            return _WORDS[kind]

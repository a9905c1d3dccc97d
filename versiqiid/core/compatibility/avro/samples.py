"""Documents made up from an Avro schema, small ones first: each varies one place of a small document. Pure.

They are JSON with untagged unions, as configs are. No two runs give other ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

DEPTH_MAX: Final = 8
STEPS_MAX: Final = 5_000
VARIANTS_MAX: Final = 60
"""Of one place. All three are arbitrary."""

_SAFE: Final = 2**53 - 1
_VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "null": (None,),
    "boolean": (False, True),
    "int": (0, 2**31 - 1, -(2**31)),
    "long": (0, _SAFE, -_SAFE),
    "float": (0, 1.5),
    "double": (0, 1.5, 1e300),
    "bytes": ("", "\u00ff"),
    "string": ("", "a", "\u0100"),
}


def samples(schema: Any) -> Iterator[Json]:
    """Documents that the schema takes; none where only endless ones fit.

    :param schema: an object of the avro library.
    """
    yield from Samples().of(schema, 0)


@dataclass(slots=True)
class Samples:
    """Documents are made until the work is done that may be done: records of records are exponential."""

    steps: int = STEPS_MAX

    def of(self, schema: Any, depth: int) -> Iterator[Json]:
        self.steps -= 1
        if depth <= DEPTH_MAX and self.steps > 0:
            yield from islice(self._of(schema, depth), None if depth == 0 else VARIANTS_MAX)

    def _of(self, schema: Any, depth: int) -> Iterator[Json]:
        match schema.type:
            case "record" | "error":
                yield from self._records(schema, depth)
            case "union" | "error_union":
                for branch in sorted(schema.schemas, key=lambda each: each.type in ("record", "error")):
                    yield from self.of(branch, depth + 1)
            case "array":
                yield []
                yield from ([item] for item in self.of(schema.items, depth + 1))
            case "map":
                yield {}
                yield from ({"a": item} for item in self.of(schema.values, depth + 1))
            case "enum":
                yield from schema.symbols
            case "fixed":
                yield "\0" * schema.size
            case kind:
                yield from _VALUES[kind]

    def _records(self, schema: Any, depth: int) -> Iterator[Json]:
        """The shortest one, that with every field, and those that differ from it in one field."""
        whole: dict[str, Json] = {}
        for field in schema.fields:
            first = next(self.of(field.type, depth + 1), _NONE)
            if first is not _NONE:
                whole[field.name] = first
            elif not field.has_default:
                return
        yield {field.name: whole[field.name] for field in schema.fields if not field.has_default}
        yield whole
        for field in schema.fields:
            others = islice(self.of(field.type, depth + 1), 1, None)
            yield from ({**whole, field.name: other} for other in others)


_NONE: Final[Any] = object()

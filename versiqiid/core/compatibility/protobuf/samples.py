"""Documents made up for a Protobuf message in the JSON mapping, small ones first: each has one field. Pure.

No two runs give other ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

DEPTH_MAX: Final = 5
STEPS_MAX: Final = 5_000
VARIANTS_MAX: Final = 60
"""Of one field. All three are arbitrary."""

_SAFE: Final = 2**53 - 1
_SIGNED, _UNSIGNED = (1, 2**31 - 1, -(2**31)), (1, 2**32 - 1)
_VALUES: Final[dict[int, tuple[Any, ...]]] = {  # by FieldDescriptorProto.Type
    **dict.fromkeys((5, 15, 17), _SIGNED),
    **dict.fromkeys((3, 16, 18), (*_SIGNED, _SAFE, -_SAFE)),
    **dict.fromkeys((13, 7), _UNSIGNED),
    **dict.fromkeys((4, 6), (*_UNSIGNED, _SAFE)),
    **dict.fromkeys((1, 2), (1.5, -1)),
    8: (True,),
    9: ("a", "ä"),
    12: ("YQ==",),
}
_KEYS: Final[dict[int, str]] = {8: "true", 9: "a"}
_ENUM: Final = 14


def samples(message: Any) -> Iterator[Json]:
    """Documents that the message takes, as far as can be told from outside; who uses them asks the runtime.

    :param message: a descriptor of the runtime.
    """
    yield from Samples().of(message, 0)


@dataclass(slots=True)
class Samples:
    """Documents are made until the work is done that may be done: messages of messages are exponential."""

    steps: int = STEPS_MAX

    def of(self, message: Any, depth: int) -> Iterator[Json]:
        self.steps -= 1
        if depth > DEPTH_MAX or self.steps <= 0:
            return
        needed: dict[str, Json] = {}
        for each in message.fields:
            if each.is_required:
                first = next(self._values(each, depth), None)
                if first is None:
                    return  # only an endless one would do
                needed[each.json_name] = first
        yield needed
        if message.full_name.startswith("google.protobuf."):
            return
        for field in sorted(message.fields, key=lambda each: each.message_type is not None):
            for value in islice(self._values(field, depth), VARIANTS_MAX):
                for name in dict.fromkeys((field.json_name, field.name)):
                    yield {**needed, name: value}

    def _values(self, field: Any, depth: int) -> Iterator[Json]:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            key = _KEYS.get(inner.fields_by_name["key"].type, "1")
            yield from ({key: value} for value in self._one(inner.fields_by_name["value"], depth))
        elif field.is_repeated:
            yield from ([value] for value in self._one(field, depth))
        else:
            yield from self._one(field, depth)

    def _one(self, field: Any, depth: int) -> Iterator[Json]:
        if field.message_type is not None:
            yield from self.of(field.message_type, depth + 1)
        elif field.type == _ENUM:
            yield from (value.name for value in field.enum_type.values)
        else:
            yield from _VALUES[field.type]

"""Rules for one field that both schemas have: its name, its label, its type."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.compatibility.protobuf.reading import Named

REQUIRED: Final = 2  # FieldDescriptorProto.Label
REPEATED: Final = 3

_MESSAGES: Final = frozenset({10, 11})  # FieldDescriptorProto.Type: group and message
_ENUM: Final = 14

# Which scalars the binary encoding writes alike, and which the JSON mapping does.
_ON_THE_WIRE: Final = {
    **dict.fromkeys((3, 4, 5, 8, 13, _ENUM), "varint"),  # int64, uint64, int32, bool, uint32
    **dict.fromkeys((17, 18), "zigzag"),  # sint32, sint64
    **dict.fromkeys((9, 12), "text"),  # string, bytes
    **dict.fromkeys((7, 15), "fixed32"),
    **dict.fromkeys((6, 16), "fixed64"),
    2: "float",
    1: "double",
}
_WHOLE: Final = {
    **dict.fromkeys((5, 15, 17), (-(1 << 31), (1 << 31) - 1)),
    **dict.fromkeys((3, 16, 18), (-(1 << 63), (1 << 63) - 1)),
    **dict.fromkeys((13, 7), (0, (1 << 32) - 1)),
    **dict.fromkeys((4, 6), (0, (1 << 64) - 1)),
}
"""From which number to which; outside of it the binary encoding cuts bits off, and the JSON mapping refuses."""

_IN_JSON: Final = {
    **dict.fromkeys(_WHOLE, "whole number"),
    **dict.fromkeys((1, 2), "number"),
    8: "boolean",
    9: "string",
    12: "base64",
    _ENUM: "enum",
}


class Kind(StrEnum):
    """What a field holds."""

    SCALAR = "scalar"
    MESSAGE = "message"
    MAP = "map"


class Types(Protocol):
    """What the rules for fields may ask: the named type of a field of either schema."""

    def old_type(self, field: Any) -> Named | None: ...

    def new_type(self, field: Any) -> Named | None: ...


def compare_field(old: Any, new: Any, types: Types) -> Iterator[str]:
    """The names of the rules that hold; the message of a message field is compared elsewhere."""
    if old.name != new.name:
        yield "FIELD_NAME_CHANGED"
    elif old.json_name not in (new.name, new.json_name):
        yield "FIELD_JSON_NAME_CHANGED"
    if new.label == REQUIRED != old.label:
        yield "REQUIRED_FIELD_ADDED"
    yield from _compare_types(old, new, types, labels=True)


def kind_of(field: Any, named: Named | None) -> Kind:
    if named is not None and named.is_map:
        return Kind.MAP
    return Kind.MESSAGE if field.type in _MESSAGES else Kind.SCALAR


def entry(named: Named | None) -> tuple[Any, Any]:
    """The fields of a map's key and value."""
    key, value = sorted(named.descriptor.field, key=lambda field: field.number) if named is not None else (None, None)
    return key, value


def _compare_types(old: Any, new: Any, types: Types, *, labels: bool) -> Iterator[str]:
    before, after = types.old_type(old), types.new_type(new)
    kind = kind_of(old, before)
    if kind is not kind_of(new, after):
        yield "FIELD_KIND_CHANGED"
    elif kind is Kind.MAP:
        for one, other in zip(entry(before), entry(after), strict=True):
            yield from _compare_types(one, other, types, labels=False)
    elif kind is Kind.SCALAR:
        yield from _compare_scalars(old, new, labels=labels)
        if old.type == new.type == _ENUM and _is_other_enum(before, after):
            yield "FIELD_ENUM_CHANGED"
    else:
        if before is None or after is None or before.local != after.local:
            yield "FIELD_NAMED_TYPE_CHANGED"
        if old.type != new.type:
            yield "FIELD_MESSAGE_ENCODING_CHANGED"
        if labels and (old.label == REPEATED) != (new.label == REPEATED):
            yield "FIELD_MESSAGE_LABEL_CHANGED"


def _compare_scalars(old: Any, new: Any, *, labels: bool) -> Iterator[str]:
    if _ON_THE_WIRE[old.type] != _ON_THE_WIRE[new.type]:
        yield "FIELD_SCALAR_KIND_CHANGED"
        return
    if _IN_JSON[old.type] != _IN_JSON[new.type]:
        yield "FIELD_JSON_KIND_CHANGED"
    elif old.type in _WHOLE and not _holds(_WHOLE[new.type], _WHOLE[old.type]):
        yield "FIELD_RANGE_NARROWED"
    if labels and old.label != new.label:
        text = _ON_THE_WIRE[old.type] == "text"
        yield "FIELD_STRING_OR_BYTES_LABEL_CHANGED" if text else "FIELD_NUMERIC_LABEL_CHANGED"


def _holds(wide: tuple[int, int], narrow: tuple[int, int]) -> bool:
    return wide[0] <= narrow[0] and narrow[1] <= wide[1]


def values_of(enum: Any) -> dict[int, set[str]]:
    """The names of each number; with ``allow_alias`` it may have several."""
    values: dict[int, set[str]] = {}
    for value in enum.value:
        values.setdefault(value.number, set()).add(value.name)
    return values


def _is_other_enum(before: Named | None, after: Named | None) -> bool:
    """Whether it is another enum, and not all of what the first one writes is read by it; one of the same name is
    compared where it stands.
    """
    if before is None or after is None or before.local == after.local:
        return False
    known = values_of(after.descriptor)
    return any(not names <= known.get(number, set()) for number, names in values_of(before.descriptor).items())

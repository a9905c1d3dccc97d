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
_IN_JSON: Final = {
    **dict.fromkeys((3, 4, 5, 13, 17, 18, 7, 15, 6, 16), "whole number"),
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
    else:
        if before is None or after is None or before.local != after.local:
            yield "FIELD_NAMED_TYPE_CHANGED"
        if labels and (old.label == REPEATED) != (new.label == REPEATED):
            yield "FIELD_MESSAGE_LABEL_CHANGED"


def _compare_scalars(old: Any, new: Any, *, labels: bool) -> Iterator[str]:
    if _ON_THE_WIRE[old.type] != _ON_THE_WIRE[new.type]:
        yield "FIELD_SCALAR_KIND_CHANGED"
        return
    if _IN_JSON[old.type] != _IN_JSON[new.type] and not (new.type == _ENUM and _IN_JSON[old.type] == "whole number"):
        yield "FIELD_JSON_KIND_CHANGED"
    if labels and old.label != new.label:
        text = _ON_THE_WIRE[old.type] == "text"
        yield "FIELD_STRING_OR_BYTES_LABEL_CHANGED" if text else "FIELD_NUMERIC_LABEL_CHANGED"

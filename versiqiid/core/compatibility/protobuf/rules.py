"""Every difference that two Protobuf schemas can have, by name: under which encoding it is compatible, and in words.

Names and verdicts on the binary encoding follow Confluent's Schema Registry (``Difference.Type`` of its Protobuf
provider, https://github.com/confluentinc/schema-registry) and "Updating A Message Type"
(https://protobuf.dev/programming-guides/proto3/#updating). In the JSON mapping names count, values of an enum are
written by name, and a reader refuses members that it does not know
(https://protobuf.dev/programming-guides/json/). Names under ``_OURS`` are none of Confluent's; the message encoding is
looked at by buf (https://buf.build/docs/breaking/rules/#field_wire_compatible_type).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Encoding(StrEnum):
    """In which form documents are kept."""

    WIRE = "WIRE"  # the binary encoding alone
    WIRE_JSON = "WIRE_JSON"  # the binary encoding and the JSON mapping, as configs are


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of difference.

    :ivar encodings: under which it is compatible.
    :ivar message: one sentence, without its full stop.
    """

    name: str
    encodings: frozenset[Encoding]
    message: str
    fix: str = ""


_ALWAYS: Final = frozenset(Encoding)
_WIRE: Final = frozenset({Encoding.WIRE})
_NEVER: Final[frozenset[Encoding]] = frozenset()

_TYPE: Final = "keep the type, or give the field a new number and name"
_NAME: Final = "keep the name: the JSON mapping goes by it"
_LABEL: Final = "keep the label, or give the field a new number and name"
_ONEOF: Final = "leave the fields where they are, or give those in the oneof new numbers"

_TABLE: Final = (
    ("PACKAGE_CHANGED", _NEVER, "the package is another", "keep the package"),
    ("MESSAGE_ADDED", _ALWAYS, "the message is new", ""),
    ("MESSAGE_REMOVED", _NEVER, "the message is gone", "keep the message"),
    ("MESSAGE_MOVED", _ALWAYS, "the message stands in another place", ""),
    ("ENUM_ADDED", _ALWAYS, "the enum is new", ""),
    ("ENUM_REMOVED", _ALWAYS, "the enum is gone", ""),
    ("ENUM_CONST_ADDED", _ALWAYS, "the value is new", ""),
    ("ENUM_CONST_CHANGED", _WIRE, "the value has another name", _NAME),
    ("ENUM_CONST_REMOVED", _WIRE, "the value is gone", "keep the value"),
    ("FIELD_ADDED", _ALWAYS, "the field is new", ""),
    ("FIELD_REMOVED", _WIRE, "the field is gone, and the JSON mapping refuses unknown members", "keep the field"),
    ("FIELD_NAME_CHANGED", _WIRE, "the field has another name", _NAME),
    ("FIELD_KIND_CHANGED", _NEVER, "the field turned from scalar, message or map into another of these", _TYPE),
    ("FIELD_SCALAR_KIND_CHANGED", _NEVER, "the field's type is encoded in another way", _TYPE),
    ("FIELD_NAMED_TYPE_CHANGED", _NEVER, "the field's message is another", _TYPE),
    ("FIELD_NUMERIC_LABEL_CHANGED", _NEVER, "a number's label is another: repeated numbers are packed", _LABEL),
    ("FIELD_STRING_OR_BYTES_LABEL_CHANGED", _WIRE, "a text's label is another", _LABEL),
    ("REQUIRED_FIELD_ADDED", _NEVER, "the field is now required", "make it optional"),
    ("REQUIRED_FIELD_REMOVED", _NEVER, "the required field is gone", "keep it, or make it optional first"),
    ("ONEOF_ADDED", _ALWAYS, "the oneof is new", ""),
    ("ONEOF_REMOVED", _ALWAYS, "the oneof is gone", ""),
    ("ONEOF_FIELD_ADDED", _ALWAYS, "the field in the oneof is new", ""),
    ("ONEOF_FIELD_REMOVED", _NEVER, "the field of the oneof is gone", "keep the field"),
    ("ONEOF_FIELD_MOVED_TO_TOP_LEVEL", _ALWAYS, "the field left its oneof", ""),
    ("MULTIPLE_FIELDS_MOVED_TO_ONEOF", _NEVER, "fields that were independent now exclude each other", _ONEOF),
    ("FIELD_MOVED_TO_EXISTING_ONEOF", _NEVER, "a field joined others that now exclude it", _ONEOF),
)
_OURS: Final = (
    ("FIELD_JSON_KIND_CHANGED", _WIRE, "the field's type is written in another way in the JSON mapping", _TYPE),
    ("FIELD_RANGE_NARROWED", _WIRE, "the JSON mapping refuses numbers that were in its range", _TYPE),
    ("FIELD_ENUM_CHANGED", _WIRE, "the enum is another, which lacks names of the first one", "keep the names"),
    ("FIELD_JSON_NAME_CHANGED", _WIRE, "the field has another name in the JSON mapping", _NAME),
    ("FIELD_MESSAGE_ENCODING_CHANGED", _NEVER, "the message turned into a group, or a group into a message", _TYPE),
    ("FIELD_MESSAGE_LABEL_CHANGED", _WIRE, "a message's label is another", _LABEL),
)

RULES: Final = {name: Rule(name, encodings, message, fix) for name, encodings, message, fix in (*_TABLE, *_OURS)}
"""Every rule by name."""

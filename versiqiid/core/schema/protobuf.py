"""Whether a document fits a Protobuf message: the proto3 JSON mapping (https://protobuf.dev/programming-guides/json/).

The protobuf runtime decides. It quotes values when it complains, so where and why is found out here, by asking it about
one member after the other. Schemas come compiled; the compiler is elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.descriptors import files_of, from_json, message_class, pool_of
from versiqiid.core.limits import pointer_token
from versiqiid.core.schema.wording import not_allowed
from versiqiid.core.violation import Violation
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
_DEPTH_MAX: Final = 200  # documents nest less; a message may take two levels for one (google.protobuf.Struct)


@dataclass(frozen=True, slots=True)
class ProtobufDocuments:
    """A message that judges documents."""

    message: Any
    pool: Any

    def violations(self, document: Json) -> tuple[Violation, ...]:
        """Why the document does not fit, empty when it does."""
        if self._reads(self.message, document):
            return tuple(_overlooked(self.message.DESCRIPTOR, document, ""))
        found = tuple(self._judge(self.message, document, ""))
        name = self.message.DESCRIPTOR.full_name
        return found or (Violation("", "message", f"expected the JSON mapping of {name}"),)

    def _reads(self, message: Any, value: Json) -> bool:
        made = from_json(message, value, self.pool, _DEPTH_MAX)
        return made is not None and bool(made.IsInitialized())

    def _judge(self, message: Any, value: Json, pointer: str) -> Iterator[Violation]:
        descriptor = message.DESCRIPTOR
        if descriptor.full_name.startswith("google.protobuf.") or not isinstance(value, dict):
            yield Violation(pointer, "message", f"expected the JSON mapping of {descriptor.full_name}")
            return
        fields = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
        if unknown := [name for name in value if name not in fields]:
            yield Violation(pointer, "fields", not_allowed(unknown, {f.json_name: None for f in descriptor.fields}))
        present = {fields[name].number for name in value if name in fields}
        for field in descriptor.fields:
            if field.is_required and field.number not in present:
                yield Violation(pointer, "required", f'field "{field.json_name}" is required')
        before = len(present)
        for name, item in value.items():
            if name in fields:
                yield from self._field(message, fields[name], item, pointer + pointer_token(name))
        named = sum(name in fields for name in value)
        if named > before or self._together(descriptor, fields, value):
            yield Violation(pointer, "oneof", "at most one member of a oneof, and each field once")

    def _field(self, message: Any, field: Any, value: Json, pointer: str) -> Iterator[Violation]:
        if self._reads_alone(message, field, value):
            return
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            yield from self._map(field, value, pointer)
        elif field.is_repeated:
            yield from self._list(message, field, value, pointer)
        elif inner is not None:
            yield from self._judge(message_class(inner), value, pointer)
        else:
            yield Violation(pointer, "type", f"expected {_called(field)} in the JSON mapping")

    def _list(self, message: Any, field: Any, value: Json, pointer: str) -> Iterator[Violation]:
        if not isinstance(value, list):
            yield Violation(pointer, "type", "expected an array")
            return
        for at, item in enumerate(value):
            if self._reads_alone(message, field, [item]):
                continue
            if field.message_type is not None:
                yield from self._judge(message_class(field.message_type), item, pointer + pointer_token(at))
            else:
                yield Violation(pointer + pointer_token(at), "type", f"expected {_called(field)} in the JSON mapping")

    def _map(self, field: Any, value: Json, pointer: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield Violation(pointer, "type", "expected a map")
            return
        entry = field.message_type.fields_by_name
        for key, item in value.items():
            place = pointer + pointer_token(key)
            found = list(self._field(message_class(field.message_type), entry["value"], item, place))
            yield from found or (() if self._reads_key(entry["key"], key) else (_key(entry["key"], place),))

    def _reads_key(self, field: Any, key: str) -> bool:
        value: Json = key
        if field.cpp_type == field.CPPTYPE_BOOL:
            return key in ("true", "false")
        return self._reads_alone(message_class(field.containing_type), field, value)

    def _reads_alone(self, message: Any, field: Any, value: Json) -> bool:
        """Whether this one member would be taken; what else a message needs does not count."""
        made = from_json(message, {field.json_name: value}, self.pool, _DEPTH_MAX)
        if made is None:
            return False
        within = made.FindInitializationErrors()
        return not any(path.startswith((f"{field.name}.", f"{field.name}[")) for path in within)

    def _together(self, descriptor: Any, fields: dict[str, Any], value: dict[str, Json]) -> bool:
        """Whether two members of one oneof are there."""
        groups = [
            fields[name].containing_oneof.name
            for name, item in value.items()
            if name in fields and fields[name].containing_oneof is not None and item is not None
        ]
        return len(groups) != len(set(groups)) and bool(descriptor.oneofs)


def messages_of(compiled: bytes) -> tuple[str, ...]:
    """The names of the messages that stand at the top of a compiled schema."""
    return tuple(each.name for each in files_of(compiled)[-1].message_type)


def compile_protobuf(compiled: bytes, message: str | None) -> ProtobufDocuments:
    """The message, ready to judge.

    :param compiled: a serialized ``FileDescriptorSet``, the schema itself last.
    :param message: its name, with or without its package; None = the only one, or the first.
    :raises UnusableSchema: there is no such message.
    """
    files = files_of(compiled)
    pool = pool_of(files)
    own = files[-1]
    names = [each.name for each in own.message_type]
    if not names:
        raise UnusableSchema("no message is defined", hint="Define the message that configs are.")
    name = message or names[0]
    package = f"{own.package}." if own.package else ""
    for full in dict.fromkeys((name, package + name)):
        try:
            return ProtobufDocuments(message_class(pool.FindMessageTypeByName(full)), pool)
        except KeyError:
            continue
    raise UnusableSchema(f"there is no message {name[:200]!r}", hint=f"There are {', '.join(names[:20])}.")


def _overlooked(descriptor: Any, value: Json, pointer: str) -> Iterator[Violation]:
    """What the runtime takes though the mapping does not.

    Another kind than an object, a field by both of its names, and texts that are no base64, of which it reads what it
    can.
    """
    if descriptor.full_name.startswith("google.protobuf."):
        return
    if not isinstance(value, dict):
        yield Violation(pointer, "message", f"expected the JSON mapping of {descriptor.full_name}")
        return
    seen: set[int] = set()
    for name, item in value.items():
        field = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
        field = field or next((each for each in descriptor.fields if each.json_name == name), None)
        if field is None:
            continue
        place = pointer + pointer_token(name)
        if field.number in seen:
            yield Violation(place, "fields", "the field is there already, by its other name")
        seen.add(field.number)
        yield from _overlooked_in(field, item, place)


def _overlooked_in(field: Any, value: Json, pointer: str) -> Iterator[Violation]:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        entry = inner.fields_by_name["value"]
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from _overlooked_in(entry, item, pointer + pointer_token(key))
    elif field.is_repeated and isinstance(value, list):
        for at, item in enumerate(value):
            yield from _overlooked_one(field, item, pointer + pointer_token(at))
    elif value is not None:
        yield from _overlooked_one(field, value, pointer)


def _overlooked_one(field: Any, value: Json, pointer: str) -> Iterator[Violation]:
    if field.message_type is not None:
        yield from _overlooked(field.message_type, value, pointer)
    elif field.type == field.TYPE_BYTES and not (isinstance(value, str) and _BASE64.match(value)):
        yield Violation(pointer, "type", "expected base64 in the JSON mapping")


def _key(field: Any, pointer: str) -> Violation:
    return Violation(pointer, "key", f"expected a key that is {_called(field)} in the JSON mapping")


_WORDS: Final = {
    "int32": "a whole number of 32 bits",
    "int64": "a whole number of 64 bits",
    "uint32": "a whole number of 32 bits without sign",
    "uint64": "a whole number of 64 bits without sign",
    "double": "a number",
    "float": "a number",
    "bool": "true or false",
}


def _called(field: Any) -> str:
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values]
        return f"a name of {field.enum_type.full_name} ({', '.join(names[:10])}{', …' if len(names) > 10 else ''})"  # noqa: PLR2004
    if field.type == field.TYPE_BYTES:
        return "base64"
    kinds = {
        field.CPPTYPE_INT32: "int32",
        field.CPPTYPE_INT64: "int64",
        field.CPPTYPE_UINT32: "uint32",
        field.CPPTYPE_UINT64: "uint64",
        field.CPPTYPE_DOUBLE: "double",
        field.CPPTYPE_FLOAT: "float",
        field.CPPTYPE_BOOL: "bool",
    }
    return _WORDS.get(kinds.get(field.cpp_type, ""), "a string")

"""The source text of a compiled Protobuf file, for readers who want text where a client sent a descriptor.

The language is https://protobuf.dev/reference/protobuf/proto3-spec/ (and proto2-spec). Comments are not in a compiled
file. Type names are written in full with their leading dot, which means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

_SCALARS: Final = {
    1: "double",
    2: "float",
    3: "int64",
    4: "uint64",
    5: "int32",
    6: "fixed64",
    7: "fixed32",
    8: "bool",
    9: "string",
    12: "bytes",
    13: "uint32",
    15: "sfixed32",
    16: "sfixed64",
    17: "sint32",
    18: "sint64",
}
_GROUP: Final = 10
_REPEATED: Final = 3
_LABELS: Final = {1: "optional ", 2: "required ", 3: "repeated "}
_FIELD_MAX: Final = 536_870_912  # one more than the highest field number
_ENUM_MAX: Final = 2_147_483_647
_PLAIN_TYPES: Final = frozenset({"string", "bytes"})


def source_of(file: Any) -> str:
    """The text that compiles to this file again.

    :param file: a ``FileDescriptorProto``.
    """
    return "\n".join(_file(file)) + "\n"


def _file(file: Any) -> Iterator[str]:
    proto3 = file.syntax == "proto3"
    yield f'syntax = "{file.syntax or "proto2"}";'
    if file.package:
        yield f"package {file.package};"
    public, weak = set(file.public_dependency), set(file.weak_dependency)
    imports = [
        f"import {'public ' if at in public else 'weak ' if at in weak else ''}{_quoted(name)};"
        for at, name in enumerate(file.dependency)
    ]
    for part in (imports, [f"option {option};" for option in _options(file.options)]):
        yield from ("", *part) if part else ()
    yield ""
    for enum in file.enum_type:
        yield from _enum(enum)
    for message in file.message_type:
        yield from _message(message, proto3=proto3)
    yield from _extensions(file.extension, proto3=proto3)
    for service in file.service:
        yield from _service(service)


def _block(head: str, lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield f"{head} {{"
    yield from (f"  {line}" for line in lines)
    yield "}"


def _message(message: Any, *, proto3: bool) -> Iterator[str]:
    return _block(f"message {message.name}", list(_body(message, proto3=proto3)))


def _body(message: Any, *, proto3: bool) -> Iterator[str]:
    entries = {each.name: each for each in message.nested_type if each.options.map_entry}
    groups = {each.type_name.rpartition(".")[2] for each in message.field if each.type == _GROUP}
    yield from (f"option {option};" for option in _options(message.options))
    for enum in message.enum_type:
        yield from _enum(enum)
    for nested in message.nested_type:
        if nested.name not in entries and nested.name not in groups:
            yield from _message(nested, proto3=proto3)
    told: set[int] = set()
    for field in message.field:
        if not field.HasField("oneof_index") or field.proto3_optional:
            yield from _field(field, message, entries, proto3=proto3)
        elif field.oneof_index not in told:
            told.add(field.oneof_index)
            yield from _oneof(message, field.oneof_index, proto3=proto3)
    if message.reserved_range:
        yield f"reserved {', '.join(_range(each.start, each.end, _FIELD_MAX) for each in message.reserved_range)};"
    if message.reserved_name:
        yield f"reserved {', '.join(_quoted(name) for name in message.reserved_name)};"
    for each in message.extension_range:
        yield f"extensions {_range(each.start, each.end, _FIELD_MAX)};"
    yield from _extensions(message.extension, proto3=proto3)


def _oneof(message: Any, index: int, *, proto3: bool) -> Iterator[str]:
    fields = [f for f in message.field if f.HasField("oneof_index") and f.oneof_index == index]
    lines = [line for field in fields for line in _field(field, message, {}, proto3=proto3)]
    return _block(f"oneof {message.oneof_decl[index].name}", lines)


def _field(field: Any, message: Any, entries: dict[str, Any], *, proto3: bool) -> Iterator[str]:
    entry = entries.get(field.type_name.rpartition(".")[2]) if field.label == _REPEATED else None
    told = _field_options(field)
    tail = f" = {field.number}{_bracketed(told)}"
    in_oneof = field.HasField("oneof_index") and not field.proto3_optional
    label = "" if in_oneof or entry else _label(field, proto3=proto3)
    if field.type == _GROUP:
        name = field.type_name.rpartition(".")[2]
        group = next(each for each in message.nested_type if each.name == name)
        yield from _block(f"{label}group {name}{tail}", list(_body(group, proto3=proto3)))
        return
    if entry is not None:
        key, value = sorted(entry.field, key=lambda each: each.number)
        yield f"map<{_type(key)}, {_type(value)}> {field.name}{tail};"
        return
    yield f"{label}{_type(field)} {field.name}{tail};"


def _label(field: Any, *, proto3: bool) -> str:
    return _LABELS[field.label] if not proto3 or field.label == _REPEATED or field.proto3_optional else ""


def _type(field: Any) -> str:
    return _SCALARS.get(field.type) or str(field.type_name)


def _field_options(field: Any) -> list[str]:
    told = list(_options(field.options))
    if field.HasField("default_value"):
        told.insert(0, f"default = {_default(field)}")
    if field.json_name and field.json_name != camel(field.name):
        told.append(f"json_name = {_quoted(field.json_name)}")
    return told


def _bracketed(options: Sequence[str]) -> str:
    return f" [{', '.join(options)}]" if options else ""


def _default(field: Any) -> str:
    if _SCALARS.get(field.type) == "bytes":
        return f'"{field.default_value}"'  # a descriptor keeps it escaped
    return _quoted(field.default_value) if _SCALARS.get(field.type) in _PLAIN_TYPES else str(field.default_value)


def camel(name: str) -> str:
    """The name of a field in the JSON mapping, where none is given."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _enum(enum: Any) -> Iterator[str]:
    lines = [f"option {option};" for option in _options(enum.options)]
    for value in enum.value:
        told = list(_options(value.options))
        lines.append(f"{value.name} = {value.number}{_bracketed(told)};")
    if enum.reserved_range:
        ranges = (_range(each.start, each.end + 1, _ENUM_MAX + 1) for each in enum.reserved_range)
        lines.append(f"reserved {', '.join(ranges)};")
    if enum.reserved_name:
        lines.append(f"reserved {', '.join(_quoted(name) for name in enum.reserved_name)};")
    return _block(f"enum {enum.name}", lines)


def _service(service: Any) -> Iterator[str]:
    lines = [f"option {option};" for option in _options(service.options)]
    for method in service.method:
        taken = f"{'stream ' if method.client_streaming else ''}{method.input_type}"
        given = f"{'stream ' if method.server_streaming else ''}{method.output_type}"
        told = [f"option {option};" for option in _options(method.options)]
        head = f"rpc {method.name} ({taken}) returns ({given})"
        lines += _block(head, told) if told else [f"{head};"]
    return _block(f"service {service.name}", lines)


def _extensions(fields: Sequence[Any], *, proto3: bool) -> Iterator[str]:
    for extendee in dict.fromkeys(each.extendee for each in fields):
        lines = [line for f in fields if f.extendee == extendee for line in _field(f, None, {}, proto3=proto3)]
        yield from _block(f"extend {extendee}", lines)


def _options(options: Any) -> Iterator[str]:
    """Those of the language itself; ``map_entry`` is no option that anybody writes."""
    for field, value in options.ListFields():
        if field.message_type is not None or field.is_extension or field.name == "map_entry":
            continue
        for each in value if field.is_repeated else (value,):
            yield f"{field.name} = {_value(field, each)}"


def _value(field: Any, value: Any) -> str:
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else str(value)


def _range(start: int, end: int, most: int) -> str:
    last = "max" if end >= most else end - 1
    return str(start) if last == start else f"{start} to {last}"


def _quoted(text: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else _escaped(c) for c in text)
    return f'"{escaped}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return "".join(f"\\{byte:03o}" for byte in character.encode())

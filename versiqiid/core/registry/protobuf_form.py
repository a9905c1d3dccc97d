"""Compiled Protobuf files brought into one form. Compiling text is an adapter's business."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any, Final

from versiqiid.core.descriptors import files_of
from versiqiid.core.registry.protobuf_text import camel

_GROUP: Final = 10  # FieldDescriptorProto.Type


def file_of(compiled: bytes) -> Any:
    """The schema itself, which stands last in a ``FileDescriptorSet``.

    :raises UnusableSchema: the set is empty.
    """
    return files_of(compiled)[-1]


def serialized(file: Any) -> str:
    """As clients expect it for ``format=serialized``: base64, without what every reader derives by itself."""
    return base64.b64encode(_stripped(file, keep_name=True).SerializeToString(deterministic=True)).decode()


def form_of(file: Any, *, normal: bool) -> str:
    """Equal for files that say the same; in any order if ``normal``. The file's own name says nothing."""
    copy = _stripped(file, keep_name=False)
    if normal:
        copy.dependency.sort()
        del copy.public_dependency[:]
        for message in _messages(copy.message_type):
            _sort(message.field, "number")
        for enum in _enums(copy):
            _sort(enum.value, "number")
        _sort(copy.message_type, "name")
        _sort(copy.enum_type, "name")
        _sort(copy.service, "name")
    return base64.b64encode(copy.SerializeToString(deterministic=True)).decode()


def _stripped(file: Any, *, keep_name: bool) -> Any:
    copy = type(file)()
    copy.CopyFrom(file)
    copy.ClearField("source_code_info")
    if not keep_name:
        copy.ClearField("name")
    if copy.syntax == "proto2":
        copy.ClearField("syntax")
    for message in _messages(copy.message_type):
        _made_last(message)
        for field in (*message.field, *message.extension):
            if field.json_name == camel(field.name):
                field.ClearField("json_name")
    return copy


def _messages(messages: Any) -> Iterator[Any]:
    for message in messages:
        yield message
        yield from _messages(message.nested_type)


def _enums(file: Any) -> Iterator[Any]:
    yield from file.enum_type
    for message in _messages(file.message_type):
        yield from message.enum_type


def _made_last(message: Any) -> None:
    """What the compiler makes of maps and groups, after what somebody wrote: where it stands says nothing."""
    made = {each.type_name.rpartition(".")[2] for each in message.field if each.type == _GROUP}
    made |= {each.name for each in message.nested_type if each.options.map_entry}
    if made:
        _reorder(message.nested_type, lambda each: each.name in made)


def _sort(repeated: Any, by: str) -> None:
    _reorder(repeated, lambda each: getattr(each, by))


def _reorder(repeated: Any, key: Callable[[Any], Any]) -> None:
    ordered = sorted(repeated, key=key)
    copies = [type(each).FromString(each.SerializeToString()) for each in ordered]
    del repeated[:]
    repeated.extend(copies)

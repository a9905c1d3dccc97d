"""The door to the protobuf runtime: compiled files, the messages in them, their JSON mapping. Nothing is decided here.

The runtime is imported when the first compiled file is looked at: families of other languages never pay for it.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from versiqiid.core.canonical import Json


def files_of(compiled: bytes) -> list[Any]:
    """The ``FileDescriptorProto`` of each file in a serialized ``FileDescriptorSet``, the schema itself last.

    :raises UnusableSchema: it is no such set, or an empty one.
    """
    from google.protobuf import descriptor_pb2, message  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        files = list(descriptor_pb2.FileDescriptorSet.FromString(compiled).file)
    except message.DecodeError:
        files = []
    if not files:
        raise UnusableSchema("no Protobuf schema: not a FileDescriptorSet with at least one file")
    return files


def file_from_base64(text: str) -> Any | None:
    """The one file that a text is the base64 of, None where it is none."""
    from google.protobuf import descriptor_pb2, message  # noqa: PLC0415

    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        return descriptor_pb2.FileDescriptorProto.FromString(raw)
    except (binascii.Error, ValueError, message.DecodeError):
        return None


def pool_of(files: Sequence[Any]) -> Any:
    """A pool of their messages.

    :param files: each after those that it imports.
    :raises UnusableSchema: a name in one of them leads nowhere.
    """
    from google.protobuf import descriptor_pool  # noqa: PLC0415

    pool = descriptor_pool.DescriptorPool()
    try:
        for file in files:
            pool.Add(file)
            pool.FindFileByName(file.name)
    except (TypeError, KeyError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UnusableSchema(
            f"no Protobuf schema: {first}", hint="compile it with everything that it imports"
        ) from None
    return pool


def resolved(pool: Any, file: Any) -> Any:
    """A copy of the file in which types are called by their full names, and fields say themselves what they are.

    Since the edition 2023 it is features, of the field or of what is around it, that make a field required or a message
    delimited; here they are told by label and type as in proto2.

    :param file: one that the pool was made of.
    """
    from google.protobuf import descriptor_pb2  # noqa: PLC0415

    copy = descriptor_pb2.FileDescriptorProto()
    described = pool.FindFileByName(file.name)
    described.CopyToProto(copy)
    stack = [(message, described.message_types_by_name[message.name]) for message in copy.message_type]
    while stack:
        message, meant = stack.pop()
        for field in message.field:
            known = meant.fields_by_number[field.number]
            field.type, field.json_name = known.type, known.json_name
            if known.is_required:
                field.label = field.LABEL_REQUIRED
        stack += [(inner, meant.nested_types_by_name[inner.name]) for inner in message.nested_type]
    return copy


def message_class(descriptor: Any) -> Any:
    """What makes messages of this kind."""
    from google.protobuf import message_factory  # noqa: PLC0415

    return message_factory.GetMessageClass(descriptor)


def from_json(kind: Any, value: Json, pool: Any, depth_max: int) -> Any | None:
    """The message of this kind that the value is the JSON mapping of, None where it is none. The runtime decides.

    :param kind: see ``message_class``. :param depth_max: levels of messages in messages.
    """
    from google.protobuf import json_format  # noqa: PLC0415

    try:
        return json_format.ParseDict(value, kind(), descriptor_pool=pool, max_recursion_depth=depth_max)
    except (json_format.ParseError, TypeError, ValueError, AttributeError, RecursionError):
        return None

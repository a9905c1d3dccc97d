"""The door to the protobuf runtime: from a ``FileDescriptorSet`` to messages and enums by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Named:
    """A message or an enum.

    :ivar local: its name within its package.
    :ivar own: whether it stands in the schema itself and not in a file that it imports.
    """

    descriptor: Any
    local: str
    own: bool
    is_enum: bool

    @property
    def is_map(self) -> bool:
        """Whether it is the entry that the compiler makes of a ``map``."""
        return not self.is_enum and bool(self.descriptor.options.map_entry)


@dataclass(frozen=True, slots=True)
class ProtobufSchema:
    """A compiled schema.

    :ivar file: the ``FileDescriptorProto`` of the schema itself.
    :ivar types: by full name with a leading dot, as fields refer to them.
    """

    file: Any
    types: dict[str, Named]


def read(compiled: bytes) -> ProtobufSchema:
    """The schema, ready to be compared.

    :param compiled: a serialized ``FileDescriptorSet`` with all that is imported, each file after those that it
        imports, the schema itself last: what ``protoc --descriptor_set_out --include_imports`` writes.
    :raises UnusableSchema: it is no such set, or a name in it leads nowhere.
    """
    from google.protobuf import (  # type: ignore[import-untyped]  # noqa: PLC0415 -- other families never pay for it
        descriptor_pb2,
        descriptor_pool,
        message,
    )

    try:
        files = list(descriptor_pb2.FileDescriptorSet.FromString(compiled).file)
    except message.DecodeError:
        files = []
    if not files:
        raise UnusableSchema("no Protobuf schema: not a FileDescriptorSet with at least one file")
    pool = descriptor_pool.DescriptorPool()
    resolved = []
    try:
        for file in files:
            pool.Add(file)
            copy = descriptor_pb2.FileDescriptorProto()
            pool.FindFileByName(file.name).CopyToProto(copy)
            resolved.append(copy)
    except (TypeError, KeyError, ValueError) as error:
        raise UnusableSchema(
            f"no Protobuf schema: {_first_line(error)}", hint="compile it with everything that it imports"
        ) from None
    types = {name: named for file in resolved for name, named in _types(file, own=file is resolved[-1])}
    return ProtobufSchema(resolved[-1], types)


def _types(file: Any, *, own: bool) -> Iterator[tuple[str, Named]]:
    stack = [("", file.message_type, file.enum_type)]
    package = f".{file.package}" if file.package else ""
    while stack:
        prefix, messages, enums = stack.pop()
        for enum in enums:
            yield f"{package}.{prefix}{enum.name}", Named(enum, prefix + enum.name, own, is_enum=True)
        for message in messages:
            yield f"{package}.{prefix}{message.name}", Named(message, prefix + message.name, own, is_enum=False)
            stack.append((f"{prefix}{message.name}.", message.nested_type, message.enum_type))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

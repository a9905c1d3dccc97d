"""From a compiled ``FileDescriptorSet`` to messages and enums by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versiqiid.core.descriptors import files_of, pool_of, resolved

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
    files = files_of(compiled)
    pool = pool_of(files)
    whole = [resolved(pool, file) for file in files]
    types = {name: named for file in whole for name, named in _types(file, own=file is whole[-1])}
    return ProtobufSchema(whole[-1], types)


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

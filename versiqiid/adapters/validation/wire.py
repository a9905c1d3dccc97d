"""What daemon and worker say to each other: frames of JSON with their length before them. No processes, no schemas.

A request is ``{"id", "items": [{"key", "schema"?, "remotes"?, "formats", "document"?}]}``. Its answer is ``{"id",
"results"}`` with, for each item, one of ``{"violations": [[pointer, keyword, message, schema pointer, best?], …]}``,
``{"unusable": [message, pointer, hint]}`` and ``{"unknown": true}`` (the schema of that key must be sent along).
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket

_LENGTH: Final = struct.Struct(">I")
HEADER_BYTES: Final = _LENGTH.size
_CHUNK_BYTES: Final = 1 << 16
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def pack(message: dict[str, Any]) -> bytes:
    """The message as one frame."""
    body = _encode(message).encode()
    return _LENGTH.pack(len(body)) + body


def length(header: bytes) -> int:
    """How many bytes follow this header."""
    return int(_LENGTH.unpack(header)[0])


def unpack(body: bytes) -> dict[str, Any]:
    """The message of a frame's body."""
    message: dict[str, Any] = json.loads(body)
    return message


def read_frame(connection: socket.socket) -> dict[str, Any] | None:
    """The next message of a blocking socket, or None when the other side is gone."""
    header = _read(connection, HEADER_BYTES)
    if header is None:
        return None
    body = _read(connection, length(header))
    return None if body is None else unpack(body)


def _read(connection: socket.socket, size: int) -> bytes | None:
    buffer = bytearray()
    while len(buffer) < size:
        chunk = connection.recv(min(size - len(buffer), _CHUNK_BYTES))
        if not chunk:
            return None
        buffer += chunk
    return bytes(buffer)

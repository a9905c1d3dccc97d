"""The text of a registered schema as what judges documents wants it: Protobuf's text, else JSON or YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.document import DOCUMENT_LIMITS, read
from versiqiid.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.core.canonical import Json


def reader_of(language: str) -> Callable[[bytes], Json]:
    """How a schema of the language is read.

    What it returns raises Unreadable for bytes that are no such text.
    """
    return read_source if language == "protobuf" else read


def read_source(raw: bytes) -> str:
    """The text of a Protobuf schema.

    :raises Unreadable: it is no UTF-8, or over the limit of documents.
    """
    if len(raw) > DOCUMENT_LIMITS.bytes_max:
        raise Unreadable(f"{len(raw)} bytes, and a schema is at most {DOCUMENT_LIMITS.bytes_max}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8", hint="save the schema as UTF-8") from None

"""What the API refuses to write though a plain key write would be taken: changes of what is immutable."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from versiqiid.core import keys as k
from versiqiid.core.canonical import digest
from versiqiid.core.modules import MissingPart, assemble
from versiqiid.core.objects import read_lifecycle
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.errors import InvalidInput, Refused

_IMMUTABLE = {k.SchemaKey: "schema", k.MigrationKey: "migration", k.ModuleKey: "module"}


class Immutable(Refused):
    """A published schema, registered migration or module would change. Nothing was written."""

    code = "immutable"


def is_immutable(key: str) -> bool:
    """Whether a key keeps its first content for ever."""
    return type(k.parse(key)) in _IMMUTABLE


def is_draft(raw: bytes) -> bool:
    """Whether this life cycle says that its schema is a draft. What cannot be read says nothing."""
    try:
        return read_lifecycle(raw).state == "draft"
    except InvalidInput:
        return False


def check_immutable(key: str, raw: bytes, known: frozenset[str]) -> None:
    """Return when this value may stand under an immutable key.

    :param known: digests of all that the key ever held, as far as the store and the journal know. Removing a key does
        not free its name for other content.
    :raises Immutable: it held something else.
    """
    if known and digest(raw) not in known:
        what = _IMMUTABLE[type(k.parse(key))]
        msg = f"{key} is a registered {what} and cannot be changed"
        raise Immutable(msg, hint="Register a new version instead.")


def check_module(key: str, raw: bytes, others: Mapping[str, bytes]) -> None:
    """Return when a module key holds the bytes that its name says, whole or in parts.

    :param others: raw values of the keys that are or will be there, by relative key. Parts that are missing are not
        missed here: a module is used only when it is whole and its digest is right.
    :raises InvalidInput: bytes of another digest, or no list of parts.
    """
    meaning = k.parse(key)
    if not isinstance(meaning, k.ModuleKey) or meaning.chunk is not None:
        return
    if not raw.lstrip().startswith(b"{"):
        found = hashlib.sha256(raw).hexdigest()
        if found != meaning.digest:
            raise InvalidInput(f"{key}: the bytes have the sha256 {found}", hint=f"Write them to modules/{found}.")
        return
    snapshot = Snapshot()
    for name, value in {**others, key: raw}.items():
        snapshot.wrote(name, value, 1)
    try:
        assemble(Reads(snapshot), meaning.digest)
    except MissingPart:
        return

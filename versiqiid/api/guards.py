"""What the API refuses to write though a plain key write would be taken: changes of what is immutable."""

from __future__ import annotations

import hashlib

from versiqiid.core import keys as k
from versiqiid.errors import InvalidInput, Refused
from versiqiid.ports import Entry


class Immutable(Refused):
    """A published schema, registered migration or module would change. Nothing was written."""

    code = "immutable"


def check_write(key: str, raw: bytes | None, before: Entry | None, *, is_set: bool) -> None:
    """Return when the API may write this value over what is there.

    :raises Immutable: the key holds something else and never changes.
    :raises InvalidInput: module bytes under a digest that is not theirs.
    """
    meaning = k.parse(key)
    if not is_set:
        return
    if isinstance(meaning, k.ModuleKey):
        _check_module(key, meaning, raw or b"")
    if isinstance(meaning, k.SchemaKey | k.MigrationKey | k.ModuleKey) and before is not None and before.value != raw:
        what = {k.SchemaKey: "schema", k.MigrationKey: "migration", k.ModuleKey: "module"}[type(meaning)]
        msg = f"{key} is a registered {what} and cannot be changed"
        raise Immutable(msg, hint="Register a new version instead.")


def _check_module(key: str, meaning: k.ModuleKey, raw: bytes) -> None:
    if meaning.chunk is not None or raw.lstrip().startswith(b"{"):
        return
    found = hashlib.sha256(raw).hexdigest()
    if found != meaning.digest:
        msg = f"{key}: the bytes have the sha256 {found}"
        raise InvalidInput(msg, hint=f"Write them to modules/{found}.")

"""Imported trees: one foreign key per setting becomes one config document.

Leaf keys under a prefix are the members (JSON values are parsed, anything else is a string; a path nests), the key
``version`` is the schema version, and ``updated-at`` is ours to keep. No store is asked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from versiqiid.core import keys as k
from versiqiid.core.canonical import Json, canonical
from versiqiid.core.document import check_value, read
from versiqiid.errors import InvalidInput, Unreadable

VERSION, UPDATED_AT = "version", "updated-at"


@dataclass(frozen=True, slots=True)
class Import:
    """A setting: the leaf keys under ``prefix`` act as ``configs/<target>/<content of its version key>/<name>``."""

    prefix: str
    target: str
    name: str = "default"


@dataclass(frozen=True, slots=True)
class Imported:
    """The tree as one config.

    :ivar key: relative key that it acts as. :ivar raw: the document in canonical form.
    """

    key: str
    raw: bytes


def assemble(setting: Import, leaves: Mapping[str, bytes]) -> Imported:
    """The config that these leaves (by path under the prefix) are.

    :raises InvalidInput: no version, or one that is no key segment; a leaf that is also a folder; text that is not
        UTF-8; a document over the limits. The leaf is named.
    """
    if VERSION not in leaves:
        raise InvalidInput(f"{setting.prefix}/{VERSION} is missing: it tells the schema version")
    version = leaves[VERSION].decode("utf-8", "replace").strip().strip('"')
    if not k.is_segment(version):
        raise InvalidInput(f"{setting.prefix}/{VERSION} holds no schema version")
    document: dict[str, Json] = {}
    for path in sorted(leaves.keys() - {VERSION, UPDATED_AT}):
        _put(setting, document, path, _value(setting, path, leaves[path]))
    check_value(document)
    return Imported(f"configs/{setting.target}/{version}/{setting.name}", canonical(document))


def _value(setting: Import, path: str, raw: bytes) -> Json:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{setting.prefix}/{path} is not UTF-8 text") from error
    if not _looks_like_json(text):
        return text
    try:
        return read(raw)
    except Unreadable:
        return text


def _looks_like_json(text: str) -> bool:
    """Whether the text may be JSON: only then is it parsed, since nearly every text is YAML."""
    start = text.strip()[:1]
    return bool(start) and (start in '{["-0123456789' or text.strip() in ("true", "false", "null"))


def _put(setting: Import, document: dict[str, Json], path: str, value: Json) -> None:
    *folders, leaf = path.split("/")
    at = document
    for folder in folders:
        inner = at.setdefault(folder, {})
        if not isinstance(inner, dict):
            raise InvalidInput(f"{setting.prefix}/{path}: a key on its way is a value and a folder at once")
        at = inner
    at[leaf] = value

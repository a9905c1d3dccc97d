"""TOML 1.0. Objects are tables, arrays of objects are arrays of tables, what stands inside other arrays is inline.

Not expressible: a root that is no object, and null, which TOML does not have (https://toml.io/en/v1.0.0).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from versiqiid.agent.render.flat import Path, inexpressible, root_object, scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

_bare = re.compile(r"[A-Za-z0-9_-]+\Z").match


def dump(value: Json) -> str:
    """The document as TOML text.

    :raises InvalidInput: null or a root that is no object; the pointer is named.
    """
    lines = "\n".join(_table(root_object(value, "TOML"), ()))
    return lines.lstrip("\n") + "\n" if lines else ""


def _table(members: dict[str, Json], path: Path, heading: str = "") -> Iterator[str]:
    """A table's own values first: after a sub-table's heading they would belong to that one."""
    tables = {key: item for key, item in members.items() if isinstance(item, dict) or _is_tables(item)}
    for key, item in members.items():
        if key not in tables:
            yield f"{_key(key)} = {_inline(item, (*path, key))}"
    for key, item in tables.items():
        name = f"{heading}{_key(key)}"
        if isinstance(item, dict):
            yield f"\n[{name}]"
            yield from _table(item, (*path, key), f"{name}.")
            continue
        for index, element in enumerate(item):
            yield f"\n[[{name}]]"
            yield from _table(element, (*path, key, index), f"{name}.")


def _is_tables(item: Json) -> bool:
    return isinstance(item, list) and bool(item) and all(isinstance(element, dict) for element in item)


def _inline(value: Json, path: Path) -> str:
    match value:
        case None:
            raise inexpressible(path, "null", "TOML", hint="Leave the member out.")
        case dict():
            inside = ", ".join(f"{_key(key)} = {_inline(item, (*path, key))}" for key, item in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list():
            return f"[{', '.join(_inline(item, (*path, index)) for index, item in enumerate(value))}]"
        case str():
            return _text(value)
        case float():
            return repr(value)  # always with a point or an exponent, so that it stays a float
        case _:
            return scalar_text(value)


def _key(key: str) -> str:
    return key if _bare(key) else _text(key)


def _text(text: str) -> str:
    """A basic string. JSON's escapes are TOML's; DEL is the one character that JSON leaves bare and TOML does not."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

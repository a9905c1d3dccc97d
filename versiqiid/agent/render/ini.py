"""INI as most readers agree on it: ``[section]`` and ``name = value``, one line each.

The root is an object of objects of scalars. Not expressible: values outside a section, anything nested deeper, arrays,
null, and text that some reader would take for something else (line breaks, blanks at the ends, comment signs).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from versiqiid.agent.render.flat import inexpressible, root_object, scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

_HINT = "Choose another format, or a template."
_name = re.compile(
    r"[^\s\[\]=:;#\"'\\\x00-\x1f\x7f](?:[^\[\]=:;#\x00-\x1f\x7f\x85\u2028\u2029]*[^\s\[\]=:;#\x00-\x1f\x7f])?\Z"
).match
_control = re.compile("[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]").search
_comment = re.compile(r"(?:\A|\s)[;#]").search


def dump(value: Json) -> str:
    """The document as INI text.

    :raises InvalidInput: something that INI cannot say; the pointer is named.
    """
    return "\n".join(_sections(root_object(value, "INI")))


def _sections(root: dict[str, Json]) -> Iterator[str]:
    seen: set[str] = set()
    for section, members in root.items():
        if not isinstance(members, dict):
            raise inexpressible((section,), "a value outside a section", "INI", hint=_HINT)
        _check_name(section, (section,), seen)
        yield f"[{section}]\n{''.join(_lines(section, members))}"


def _lines(section: str, members: dict[str, Json]) -> Iterator[str]:
    seen: set[str] = set()
    for key, item in members.items():
        path = (section, key)
        if item is None or isinstance(item, dict | list):
            what = "null" if item is None else "an array" if isinstance(item, list) else "an object inside a section"
            raise inexpressible(path, what, "INI", hint=_HINT)
        _check_name(key, path, seen)
        yield f"{key} = {_text(scalar_text(item), path)}\n"


def _check_name(name: str, path: tuple[str, ...], seen: set[str]) -> None:
    if not _name(name):
        raise inexpressible(path, "this name", "INI", hint=_HINT)
    if name.lower() in seen:  # many readers fold case
        raise inexpressible(path, "a second name that differs in case only", "INI", hint=_HINT)
    seen.add(name.lower())


def _text(text: str, path: tuple[str, ...]) -> str:
    if _control(text) or text != text.strip() or _comment(text) or text[:1] in ('"', "'"):
        what = "text with line breaks, control characters, blanks or quotes at its ends, or comment signs"
        raise inexpressible(path, what, "INI", hint=_HINT)
    return text

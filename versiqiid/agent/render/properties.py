"""Java properties, in ASCII with Unicode escapes, as ``java.util.Properties.load`` reads them.

A name is the path joined by dots, an array's index in brackets: ``/db/hosts/0`` is ``db.hosts[0]``. Not expressible:
null, empty objects and arrays, a root that is no object, two paths with one name (``a.b`` beside ``a: {b}``), no name.
Rules: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/Properties.html#load(java.io.Reader)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.agent.render.flat import Path, Scalar, inexpressible, root_object, scalar_text, scalars, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

_FORM = "properties"
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f"}
_SPECIAL = "=:#!"


def dump(value: Json) -> str:
    """The document as properties, one a line.

    :raises InvalidInput: something that properties cannot say; the pointer is named.
    """
    lines = unique(_lines(root_object(value, _FORM)), _FORM)
    return "".join(f"{_escaped(name, name=True)}={_escaped(scalar_text(scalar))}\n" for name, scalar in lines)


def _lines(root: dict[str, Json]) -> Iterator[tuple[str, Path, Scalar]]:
    for path, scalar in scalars(root, _FORM):
        name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        if not name:
            raise inexpressible(path, "an empty name", _FORM)
        yield name, path, scalar


def _escaped(text: str, *, name: bool = False) -> str:
    """Blanks are escaped everywhere in a name, and at the beginning of a value."""
    out: list[str] = []
    for index, character in enumerate(text):
        if character == " ":
            out.append("\\ " if name or index == 0 else " ")
        elif character in _ESCAPES:
            out.append(_ESCAPES[character])
        elif character in _SPECIAL:
            out.append("\\" + character)
        elif " " < character <= "~":
            out.append(character)
        else:
            units = character.encode("utf-16-be")
            out.extend(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return "".join(out)

"""Environment files, ``NAME=value`` a line, that a POSIX shell, systemd and the usual dotenv libraries read alike.

A name is the path in capitals, joined by ``_``: ``/db/hosts/0`` is ``DB_HOSTS_0``; other characters become ``_`` too.
Not expressible: null, empty objects and arrays, two paths with one name, a name that begins with a digit, line breaks
and other control characters, and a quote or backslash together with ``$`` or a backtick, where the readers differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from versiqiid.agent.render.flat import Path, Scalar, inexpressible, root_object, scalar_text, scalars, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

_FORM = "an environment file"
_plain = re.compile(r"[A-Za-z0-9_./:@%+,=-]*\Z").match
_control = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]").search


def dump(value: Json) -> str:
    """The document as lines ``NAME=value``.

    :raises InvalidInput: something that an environment file cannot say; the pointer is named.
    """
    return "".join(f"{name}={text}\n" for name, text in unique(_lines(root_object(value, _FORM)), _FORM))


def _lines(root: dict[str, Json]) -> Iterator[tuple[str, Path, Scalar]]:
    for path, scalar in scalars(root, _FORM):
        yield _name(path), path, _quoted(scalar_text(scalar), path)


def _name(path: Path) -> str:
    name = "_".join(re.sub(r"[^A-Za-z0-9_]", "_", str(step)) for step in path).upper()
    if not name or name[0].isdigit():
        raise inexpressible(path, "a name that is empty or begins with a digit", _FORM)
    return name


def _quoted(text: str, path: Path) -> str:
    if _control(text):
        raise inexpressible(path, "text with line breaks or control characters", _FORM)
    if _plain(text):
        return text
    if "'" not in text and "\\" not in text:
        return f"'{text}'"
    if "$" in text or "`" in text:
        raise inexpressible(path, "text with a quote or backslash together with '$' or '`'", _FORM)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

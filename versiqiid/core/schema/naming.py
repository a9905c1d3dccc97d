"""What the text of a schema names that it does not define: the reason to look for other schemas, and under which keys.

Only the text is looked at. A name too many costs a look; one too few would leave a schema without what it needs, so
whoever is in doubt names it. Where the named schemas are is ``core/linked.py``'s business. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core import keys as k
from versiqiid.core.document import read
from versiqiid.core.schema.requests import read_source

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

REFERENCES: Final = "references"
"""The attribute of an Avro schema that lists the keys of schemas whose names it uses."""


@dataclass(frozen=True, slots=True)
class Uses:
    """What a text needs from elsewhere.

    :ivar needs: the names as it writes them; empty when it stands by itself.
    :ivar keyed: those which say themselves where they are: name → key of a schema.
    """

    needs: tuple[str, ...] = ()
    keyed: tuple[tuple[str, str], ...] = ()


def uses_of(language: str) -> Callable[[bytes], Uses]:
    """What finds the names of a text of that language.

    What it returns raises Unreadable for bytes that are no such text.
    """
    return _READERS[language]


def uses_avro(raw: bytes) -> Uses:
    """Names of types that the schema does not define, and the keys under its attribute ``references``."""
    schema = read(raw)
    needs = _undefined(schema)
    tops = schema if isinstance(schema, list) else [schema]
    listed = [each for top in tops if isinstance(top, dict) for each in _texts(top.get(REFERENCES))]
    return Uses(needs, _keyed(listed))


def uses_json(raw: bytes) -> Uses:
    """Other documents that ``$ref`` leads to, by what stands before its fragment: ``/schemas/<family>/<version>``."""
    schema = read(raw)
    own: set[str] = set()
    named: dict[str, None] = {}
    for each in _objects(schema):
        for keyword in ("$id", "id"):
            if isinstance(each.get(keyword), str):
                own.add(each[keyword].partition("#")[0])
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(each.get(keyword), str):
                named[each[keyword].partition("#")[0]] = None
    needs = tuple(name for name in named if name and name not in own and "//json-schema.org/" not in name)
    return Uses(needs, _keyed(name for name in needs if name.startswith("/")))


def uses_protobuf(raw: bytes) -> Uses:
    """Files that it imports, but for those that everybody has; ``import "schemas/<family>/<version>";`` names a key."""
    needs = tuple(dict.fromkeys(name for name in _imports(read_source(raw)) if not name.startswith(_EVERYBODYS)))
    return Uses(needs, _keyed(needs))


_READERS: Final[Mapping[str, Callable[[bytes], Uses]]] = {
    "avro": uses_avro,
    "json-schema": uses_json,
    "protobuf": uses_protobuf,
}
_EVERYBODYS: Final = ("google/protobuf/", "google/type/")


def _keyed(names: Any) -> tuple[tuple[str, str], ...]:
    parsed = ((name, k.parse(name.removeprefix("/"))) for name in names)
    return tuple((name, name.removeprefix("/")) for name, key in parsed if isinstance(key, k.SchemaKey))


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _objects(value: Json) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            yield each
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)


# ---------------------------------------------------------------------------------------------------------------- Avro

_PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_KINDS: Final = frozenset({"record", "error", "enum", "fixed", "array", "map", "union", "error_union"})


def _undefined(schema: Json) -> tuple[str, ...]:
    """Full names that are used, but defined nowhere in the text; in the order of their use."""
    defined: set[str] = set()
    used: dict[str, None] = {}
    stack: list[tuple[Any, str]] = [(schema, "")]
    while stack:
        each, space = stack.pop()
        if isinstance(each, str):
            if each not in _PRIMITIVES:
                used[each if "." in each or not space else f"{space}.{each}"] = None
        elif isinstance(each, list):
            stack += [(branch, space) for branch in reversed(each)]
        elif isinstance(each, dict):
            stack += reversed(list(_parts(each, space, defined)))
    return tuple(name for name in used if name not in defined)


def _parts(schema: dict[str, Any], space: str, defined: set[str]) -> Iterator[tuple[Any, str]]:
    """The schemas inside one that is an object; a named one is defined by the way."""
    kind = schema.get("type")
    if kind in ("record", "error", "enum", "fixed") and isinstance(schema.get("name"), str):
        name, own = schema["name"], schema.get("namespace")
        if "." not in name:
            space = own if isinstance(own, str) else space
            name = f"{space}.{name}" if space else name
        space = name.rpartition(".")[0]
        defined.add(name)
    elif not isinstance(kind, str) or kind not in _KINDS:
        yield kind, space
    fields = schema.get("fields")
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, dict):
            yield field.get("type"), space
    for inside in ("items", "values"):
        if inside in schema:
            yield schema[inside], space


# ------------------------------------------------------------------------------------------------------------ Protobuf

# Comments and texts without an end reach to the end, so that nothing is looked at twice.
_WORD: Final = re.compile(
    r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[^\W\d]\w*|\d\w*|[^\s\w]""", re.DOTALL
)


def _imports(source: str) -> Iterator[str]:
    """The names after ``import``, as its grammar has them: a statement of its own, a word before the name allowed."""
    words = [word for word in _WORD.findall(source) if not word.startswith(("//", "/*"))]
    for at, word in enumerate(words):
        if word == "import" and (at == 0 or words[at - 1] in ";}"):
            named = next((each for each in words[at + 1 : at + 3] if each[0] in "\"'"), "")
            if named[1:] and named[0] == named[-1]:
                yield named[1:-1]

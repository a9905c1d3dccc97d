"""A schema's combinations taken apart: references followed, ``allOf`` joined, one alternative of each choice taken.

What comes out is a *plain* schema: no ``$ref``, ``allOf``, ``anyOf``, ``oneOf`` or ``if`` at its top (members and
elements keep theirs). It describes documents that should fit, not all of them.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from versiqiid.core.canonical import canonical
from versiqiid.core.patch import resolve_pointer
from versiqiid.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from versiqiid.core.canonical import Json

    Plain = dict[str, Any]

NESTING_MAX = 24
"""How far references and combinations are followed without a value between them. Arbitrary; a cycle ends here."""

PARTS_MAX = 2_000
"""Schemas that are joined into one plain schema at most: combinations of combinations grow exponentially. Arbitrary."""

_NAMED_MAX = 10_000
_COMBINING = ("$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "then", "else")
_LARGEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class Schemas:
    """One schema document with what its references may name.

    :param root: the whole schema.
    :param remotes: address → schema, for references that leave the document.
    """

    def __init__(self, root: Json, remotes: Mapping[str, Json] | None = None) -> None:
        self._root = root
        self._named: dict[str, Json] = {}
        self._parts_left = 0
        for address, remote in (remotes or {}).items():
            self._named[address.rstrip("#")] = remote
        for document in (root, *(remotes or {}).values()):
            for part in islice(_parts(document), _NAMED_MAX):
                for keyword in ("$id", "$anchor", "$dynamicAnchor"):
                    name = part.get(keyword)
                    if isinstance(name, str):
                        self._named.setdefault(name if keyword == "$id" else f"#{name}", part)

    def plain(self, schema: Json, choose: Callable[[int], int]) -> Plain | None:
        """The schema with one alternative of each choice; None where it allows nothing, or is nested too deep.

        :param choose: given how many alternatives there are, says which is taken, counted from 0.
        """
        self._parts_left = PARTS_MAX
        return self._plain(schema, choose, NESTING_MAX)

    def plains(self, schema: Json, most: int) -> Iterator[Plain]:
        """Each alternative of each choice at least once, where ``most`` allows it; no two alike."""
        seen: set[bytes] = set()
        rounds = 1
        at = 0
        while at < rounds and len(seen) < most:
            widest = 1

            def choose(count: int, turn: int = at) -> int:
                nonlocal widest
                widest = max(widest, count)
                return turn % count

            found = self.plain(schema, choose)
            rounds = min(max(rounds, widest), most)
            at += 1
            if found is None:
                continue
            key = identity(found)
            if key is not None and key not in seen:
                seen.add(key)
                yield found

    def _plain(self, schema: Json, choose: Callable[[int], int], left: int) -> Plain | None:
        if schema is True:
            return {}
        self._parts_left -= 1
        if not isinstance(schema, dict) or left == 0 or self._parts_left < 0:
            return None
        plain: Plain | None = {name: value for name, value in schema.items() if name not in _COMBINING}
        for part in self._chosen(schema, choose):
            below = self._plain(part, choose, left - 1)
            plain = None if below is None or plain is None else joined(plain, below)
            if plain is None:
                return None
        return plain

    def _chosen(self, schema: Plain, choose: Callable[[int], int]) -> Iterator[Json]:
        """What stands beside the schema's own keywords: the parts that a document must fit too."""
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(schema.get(keyword), str):
                yield self._referred(schema[keyword])
        yield from _listed(schema, "allOf")
        for keyword in ("anyOf", "oneOf"):
            branches = _listed(schema, keyword)
            if branches:
                yield branches[choose(len(branches))]
        if "if" in schema and choose(2) == 0:
            yield schema["if"]
            yield schema.get("then", True)
        elif "if" in schema:
            yield schema.get("else", True)

    def _referred(self, reference: str) -> Json:
        """What a reference names; False, which nothing fits, where that is nowhere."""
        if reference in self._named:
            return self._named[reference]
        address, _, fragment = reference.partition("#")
        if fragment and not fragment.startswith("/"):
            return self._named.get(f"#{fragment}", False)
        base = self._document(address) if address else self._root
        try:
            return resolve_pointer(base, unquote(fragment))
        except NotFound:
            return False

    def _document(self, address: str) -> Json:
        """The schema of that address; a relative one is looked for at the end of those that are known."""
        ending = "/" + address.lstrip("./")
        near = (schema for name, schema in self._named.items() if name == address or name.endswith(ending))
        return next(near, False)


def identity(value: Json) -> bytes | None:
    """Bytes that are the same for equal values; None for one that no document may hold."""
    try:
        return canonical(value)
    except ValueError:
        return None


def joined(a: Plain, b: Plain) -> Plain | None:
    """A schema for what fits both; None where that is plainly nothing. Never looks into members that only one has."""
    result = dict(a)
    for name, value in b.items():
        if name not in result or result[name] == value:
            result[name] = value
            continue
        both = _both(name, result[name], value)
        if both is None:
            return None
        result[name] = both
    return result


def _both(name: str, a: Any, b: Any) -> Any:  # noqa: PLR0911 - one line for each kind of keyword
    """The keyword's value for what fits both, None where nothing does."""
    if name in _LARGEST:
        return max(a, b)
    if name in _SMALLEST:
        return min(a, b)
    if name == "required":
        return [*a, *(item for item in b if item not in a)]
    if name == "enum":
        known = {identity(item) for item in b}
        return [item for item in a if identity(item) in known] or None
    if name == "type":
        return _types(a, b)
    if name == "const":
        return None
    if name in ("properties", "patternProperties", "$defs", "definitions"):
        return {**a, **{key: {"allOf": [a[key], value]} if key in a else value for key, value in b.items()}}
    if name in ("items", "additionalProperties", "propertyNames", "contains") and not isinstance(a, list):
        return {"allOf": [a, b]}
    return b


def _types(a: Any, b: Any) -> Any:
    first, second = ([value] if isinstance(value, str) else value for value in (a, b))
    common = [each for each in first if each in second or (each == "integer" and "number" in second)]
    common += ["integer"] if "integer" in second and "number" in first and "integer" not in common else []
    return common or None


def _listed(schema: Plain, keyword: str) -> list[Json]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []


def _parts(value: Json) -> Iterator[Plain]:
    """Every object in the document, without recursion; some of them are no schemas, which hurts nobody."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)

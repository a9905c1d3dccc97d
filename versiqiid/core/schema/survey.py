"""What can be known of a schema before any document is seen: every reference leads somewhere, every pattern can be run,
no circle of references stands still. Documents are judged elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import referencing.exceptions

from versiqiid.core.limits import pointer_token
from versiqiid.core.patterns import UnusablePattern, translate
from versiqiid.core.schema import engine
from versiqiid.core.schema.dialects import Dialect, children, dialect_of
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from versiqiid.core.canonical import Json

_SHOWN_MAX = 80  # characters of a pattern or a reference in a message; arbitrary


@dataclass(frozen=True, slots=True)
class _Place:
    """A subschema on the list of those to look at.

    :ivar based: whether the resolver knows the subschema's own ``$id``; taken twice, a relative one goes astray.
    """

    schema: dict[str, Json]
    pointer: str
    resolver: Any
    dialect: Dialect
    based: bool = False


@dataclass(slots=True)
class Survey:
    """What was found. Subschemas are known by ``id``: they all belong to documents that the caller keeps.

    :ivar patterns: subschemas that hold ``pattern`` or ``patternProperties``.
    :ivar in_place: from each subschema, those that are applied to the same value.
    :ivar below: from each subschema, those that are applied to something inside the value.
    """

    schemas: dict[int, dict[str, Json]] = field(default_factory=dict)
    pointers: dict[int, str] = field(default_factory=dict)
    patterns: dict[int, dict[str, Json]] = field(default_factory=dict)
    in_place: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    below: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    dynamic: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    anchored: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def survey(schema: dict[str, Json], dialect: Dialect, resolver: Any, registry: Mapping[str, Json]) -> Survey:
    """Look at every subschema that the schema contains or refers to, each once, without recursion.

    :param resolver: of references from the schema's root.
    :raises UnusableSchema: the first thing that makes it unusable, with the pointer to it.
    """
    found = Survey()
    places = [_Place(schema, "", resolver, dialect, based=True)]
    while places:
        place = places.pop()
        key = id(place.schema)
        if key in found.schemas:
            continue
        place = _enter(place, registry)
        found.schemas[key] = place.schema
        found.pointers[key] = place.pointer
        _check_patterns(place, found)
        hidden = place.dialect.reference_hides_siblings and "$ref" in place.schema
        for child in children(place.schema):
            if isinstance(child.schema, dict):
                pointer = place.pointer + "".join(map(pointer_token, child.path))
                places.append(_Place(child.schema, pointer, place.resolver, place.dialect))
                if child.applied and not hidden:
                    (found.in_place if child.in_place else found.below)[key].append(id(child.schema))
        places.extend(_references(place, found))
    for name, froms in found.dynamic.items():
        for key in froms:
            found.in_place[key].extend(found.anchored[name])
    _check_circles(found)
    return found


def shown(text: str) -> str:
    """A piece of a schema for a message, shortened."""
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def _enter(place: _Place, registry: Mapping[str, Json]) -> _Place:
    """The place with the dialect and the base URI that the subschema itself declares."""
    try:
        dialect = dialect_of(place.schema, registry, default=place.dialect)
    except UnusableSchema as error:
        raise UnusableSchema(error.message, pointer=place.pointer + error.pointer, hint=error.hint) from None
    if place.based:
        return _Place(place.schema, place.pointer, place.resolver, dialect)
    try:
        resolver = place.resolver.in_subresource(dialect.specification.create_resource(place.schema))
    except (referencing.exceptions.Unresolvable, ValueError, TypeError, AttributeError):
        raise UnusableSchema("$id is no usable URI", pointer=place.pointer + "/$id") from None
    return _Place(place.schema, place.pointer, resolver, dialect)


def _check_patterns(place: _Place, found: Survey) -> None:
    pattern = place.schema.get("pattern")
    if isinstance(pattern, str):
        _check_pattern(pattern, place.pointer + "/pattern")
        found.patterns[id(place.schema)] = place.schema
    named = place.schema.get("patternProperties")
    if isinstance(named, dict):
        for key in named:
            _check_pattern(key, place.pointer + "/patternProperties" + pointer_token(key))
        found.patterns[id(place.schema)] = place.schema


def _check_pattern(pattern: str, pointer: str) -> None:
    try:
        engine.matcher(translate(pattern))
    except UnusablePattern as reason:
        raise UnusableSchema(f"the pattern '{shown(pattern)}' {reason}", pointer=pointer) from None
    except engine.ValidationError:
        # All of ECMA-262's syntax is known by now: what is left are properties of characters, and size.
        raise UnusableSchema(
            f"the pattern '{shown(pattern)}' names a property that is not known, or is too large", pointer=pointer
        ) from None


def _references(place: _Place, found: Survey) -> Iterator[_Place]:
    key = id(place.schema)
    anchor = place.schema.get("$dynamicAnchor")
    if isinstance(anchor, str):
        found.anchored["#" + anchor].append(key)
    if place.schema.get("$recursiveAnchor") is True:
        found.anchored["#"].append(key)
    for keyword in place.dialect.references:
        reference = place.schema.get(keyword)
        if not isinstance(reference, str):
            continue
        pointer = f"{place.pointer}/{keyword}"
        try:
            resolved = place.resolver.lookup(reference)
        except (referencing.exceptions.Unresolvable, ValueError, TypeError, LookupError, AttributeError):
            raise UnusableSchema(
                f"the reference '{shown(reference)}' leads nowhere, and nothing is ever fetched",
                pointer=pointer,
                hint="put what it refers to into $defs of this schema",
            ) from None
        if not isinstance(resolved.contents, dict | bool):
            raise UnusableSchema(f"the reference '{shown(reference)}' leads to no schema", pointer=pointer)
        if isinstance(resolved.contents, dict):
            found.in_place[key].append(id(resolved.contents))
            if keyword != "$ref":
                found.dynamic["#" + reference.rpartition("#")[2]].append(key)
            target = unquote(reference[1:]) if reference.startswith("#/") else reference
            yield _Place(resolved.contents, target, resolved.resolver, place.dialect, based=True)


def _check_circles(found: Survey) -> None:
    """Refuse a way that leads back to a subschema without going deeper into the value: it would never end."""
    done: set[int] = set()
    for start in found.schemas:
        path: set[int] = set()
        stack = [(start, iter(found.in_place[start]))] if start not in done else []
        path.add(start)
        while stack:
            key, ahead = stack[-1]
            following = next(ahead, None)
            if following is None:
                stack.pop()
                path.discard(key)
                done.add(key)
            elif following in path:
                raise UnusableSchema("a circle of references that consumes no input", pointer=found.pointers[following])
            elif following not in done:
                path.add(following)
                stack.append((following, iter(found.in_place[following])))

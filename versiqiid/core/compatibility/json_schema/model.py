"""A schema as the rules see it: every subschema is of one kind, and what it combines are parts of that kind.

JSON Schema lets one object speak of texts, numbers and objects at once; rules need one thing at a time. So
``{"type": ["string", "null"], "maxLength": 5}`` becomes "any of: a text up to 5, null", and ``{"type": "string",
"enum": […]}`` becomes "all of: a text, one of these". The idea is that of the everit library, on which Confluent's
rules work. References are followed here; nothing is compared here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.compatibility.verdict import Side
from versiqiid.core.limits import pointer_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.schema import CompiledSchema


class Kind(StrEnum):
    """What a node constrains."""

    ANY = "any"
    NEVER = "never"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"
    OBJECT = "object"
    ARRAY = "array"
    ENUM = "enum"
    NOT = "not"
    ALL = "allOf"
    SOME = "anyOf"
    ONE = "oneOf"
    CONDITION = "if"
    DYNAMIC = "$dynamicRef"

    @property
    def combined(self) -> bool:
        return self in _COMBINED


_COMBINED: Final = frozenset({Kind.ALL, Kind.SOME, Kind.ONE})
SUMS: Final = frozenset({Kind.SOME, Kind.ONE})
"""The kinds of which one alternative is enough."""

_KEYWORDS: Final = {
    Kind.STRING: ["minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"],
    Kind.NUMBER: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    Kind.OBJECT: [
        "properties",
        "patternProperties",
        "additionalProperties",
        "unevaluatedProperties",
        "required",
        "minProperties",
        "maxProperties",
        "propertyNames",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
    ],
    Kind.ARRAY: [
        "items",
        "prefixItems",
        "additionalItems",
        "unevaluatedItems",
        "contains",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
    ],
}
_SINCE: Final = {
    **dict.fromkeys(
        [
            "dependentRequired",
            "dependentSchemas",
            "unevaluatedProperties",
            "unevaluatedItems",
            "minContains",
            "maxContains",
            "$recursiveRef",
        ],
        19,
    ),
    **dict.fromkeys(["prefixItems", "$dynamicRef"], 20),
}
"""Keywords that older dialects do not know, by jsonschema-rs's number of the first dialect that does."""

_TYPES: Final = {
    "string": Kind.STRING,
    "number": Kind.NUMBER,
    "integer": Kind.NUMBER,
    "object": Kind.OBJECT,
    "array": Kind.ARRAY,
    "boolean": Kind.BOOLEAN,
    "null": Kind.NULL,
}


@dataclass(slots=True, eq=False)
class Node:
    """One subschema, or one part of one. Nodes are equal when they are the same object, so memos
    keep them by themselves: an ``id`` may be another node's once the first one is gone.

    :ivar schema: the schema object that it was read from; parts of one schema object share it.
    :ivar pointer: where that stands, as RFC 6901 pointer (after an address for what stands in another document).
    :ivar typed: whether values of other types are refused; without ``type``, keywords only speak of their own type.
    :ivar integer: a number that has to be whole.
    :ivar whole: whether it stands for the whole schema object, so that its title and default are its own.
    :ivar parts: what a combined node combines.
    :ivar keyword: of an enumeration, whether it was written as ``enum`` or as ``const``.
    """

    kind: Kind
    reader: Reader
    schema: dict[str, Json]
    pointer: str
    resolver: Any
    typed: bool = False
    integer: bool = False
    whole: bool = False
    parts: tuple[Node, ...] = ()
    keyword: str = ""
    _children: dict[tuple[str | int, ...], Node | None] = field(default_factory=dict)

    @property
    def values(self) -> list[Json]:
        """What an enumeration takes."""
        value = self.schema[self.keyword]
        return value if self.keyword == "enum" and isinstance(value, list) else [value]

    @property
    def bare(self) -> bool:
        """Whether it says nothing of the values of its type."""
        return not any(self.get(keyword) is not None for keyword in _KEYWORDS.get(self.kind, ()))

    def get(self, keyword: str) -> Json:
        """The keyword's value, or None where it is not there or its dialect does not know it."""
        return self.schema.get(keyword) if self.reader.knows(keyword) else None

    def at(self, *path: str | int) -> str:
        """The pointer of something in the schema object."""
        return self.pointer + "".join(map(pointer_token, path))

    def child(self, *path: str | int) -> Node | None:
        """The subschema there, or None."""
        if path not in self._children:
            value: Json = self.schema if self.reader.knows(str(path[0])) else {}
            for step in path:
                inside = isinstance(value, list) and isinstance(step, int) and step < len(value)
                value = value[step] if inside or (isinstance(value, dict) and step in value) else None
            found = isinstance(value, dict | bool)
            self._children[path] = self.reader.read(value, self.at(*path), self.resolver) if found else None
        return self._children[path]

    def named(self, keyword: str) -> dict[str, Node]:
        """The subschemas of ``properties`` and the like, by name."""
        value = self.get(keyword)
        names = value if isinstance(value, dict) else {}
        return {name: node for name in names if (node := self.child(keyword, name)) is not None}


@dataclass(slots=True, eq=False)
class Reader:
    """Reads one schema document, and what it refers to, into nodes; each subschema once."""

    compiled: CompiledSchema
    side: Side
    _nodes: dict[int, Node] = field(default_factory=dict)
    _pointers: dict[int, str] = field(default_factory=dict)

    def root(self) -> Node:
        """The node of the whole schema."""
        schema = self.compiled.schema
        if not isinstance(schema, dict):
            return self._plain(schema, "")
        self._pointers = dict(_places(schema))
        return self._read(schema, "", self.compiled.resolver)

    def knows(self, keyword: str) -> bool:
        """Whether the schema's dialect has the keyword."""
        return _SINCE.get(keyword, 0) <= self.compiled.dialect.draft

    def read(self, schema: dict[str, Json] | bool, pointer: str, resolver: Any) -> Node:
        """The node of a subschema.

        :param resolver: of the schema object around it.
        """
        if not isinstance(schema, dict):
            return self._plain(schema, pointer)
        known = self._nodes.get(id(schema))
        if known is not None:
            return known
        resource = self.compiled.dialect.specification.create_resource(schema)
        return self._read(schema, pointer, resolver.in_subresource(resource))

    def _plain(self, schema: Json, pointer: str) -> Node:
        return Node(Kind.ANY if schema else Kind.NEVER, self, {}, pointer, None, whole=True)

    def _read(self, schema: dict[str, Json], pointer: str, resolver: Any) -> Node:
        node = Node(Kind.ANY, self, schema, pointer, resolver, whole=True)
        self._nodes[id(schema)] = node
        parts = tuple(self._parts(node))
        if len(parts) == 1:
            (part,) = parts
            if part.schema is not schema:  # nothing but a reference: it is what it refers to
                self._nodes[id(schema)] = part
                return part
            part.whole = True
            self._nodes[id(schema)] = part
            return part
        if parts:
            node.kind, node.parts = Kind.ALL, parts
        return node

    def _parts(self, node: Node) -> Iterator[Node]:
        """Everything that the schema object demands, one node each."""
        schema = node.schema
        if isinstance(schema.get("$ref"), str):
            yield self._referred(node, schema["$ref"])
            if self.compiled.dialect.reference_hides_siblings:
                return
        if any(isinstance(node.get(keyword), str) for keyword in ("$dynamicRef", "$recursiveRef")):
            yield self._part(node, Kind.DYNAMIC)
        yield from self._types(node)
        for keyword in ("enum", "const"):
            if keyword in schema:
                yield self._part(node, Kind.ENUM, keyword=keyword)
        if isinstance(schema.get("not"), dict | bool):
            yield self._part(node, Kind.NOT)
        for kind in (Kind.ALL, Kind.SOME, Kind.ONE):
            members = schema.get(kind.value)
            if isinstance(members, list):
                parts = tuple(filter(None, (node.child(kind.value, index) for index in range(len(members)))))
                yield self._part(node, kind, parts=parts)
        if isinstance(schema.get("if"), dict | bool) and ("then" in schema or "else" in schema):
            yield self._part(node, Kind.CONDITION)

    def _referred(self, node: Node, reference: str) -> Node:
        resolved = node.resolver.lookup(reference)
        contents = resolved.contents
        if not isinstance(contents, dict):
            return self._plain(contents, node.at("$ref"))
        known = self._nodes.get(id(contents))
        if known is not None:
            return known
        return self._read(contents, self._pointers.get(id(contents), reference), resolved.resolver)

    def _types(self, node: Node) -> Iterator[Node]:
        """What ``type`` and the keywords of single types demand."""
        declared = node.get("type")
        names = list(dict.fromkeys([declared] if isinstance(declared, str) else declared or []))
        if "number" in names and "integer" in names:
            names.remove("integer")
        if not names:
            for kind, keywords in _KEYWORDS.items():
                if any(keyword in node.schema and self.knows(keyword) for keyword in keywords):
                    yield self._part(node, kind)
            return
        typed = [self._part(node, _TYPES[name], typed=True, integer=name == "integer") for name in names]
        yield typed[0] if len(typed) == 1 else self._part(node, Kind.SOME, parts=tuple(typed))

    def _part(self, node: Node, kind: Kind, **details: Any) -> Node:
        return Node(kind, self, node.schema, node.pointer, node.resolver, **details)


def _places(schema: dict[str, Json]) -> Iterator[tuple[int, str]]:
    """Where each object of the document stands, without recursion."""
    stack: list[tuple[Json, str]] = [(schema, "")]
    while stack:
        value, pointer = stack.pop()
        if isinstance(value, dict):
            yield id(value), pointer
            stack.extend((member, pointer + pointer_token(name)) for name, member in value.items())
        elif isinstance(value, list):
            stack.extend((member, pointer + pointer_token(index)) for index, member in enumerate(value))

"""Which members tell the items of a list apart, as a JSON Schema says: ``x-versiqii-list-keys`` beside ``items``.

``{"type": "array", "x-versiqii-list-keys": ["name"], "items": …}``: two items are the same item when their ``name`` is
the same. Kubernetes' ``x-kubernetes-list-map-keys`` means the same and is read too
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy). It judges nothing: to a validator
both are annotations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

NAMES: Final = ("x-versiqii-list-keys", "x-kubernetes-list-map-keys")
SCHEMAS_MAX: Final = 200
"""Subschemas that are looked at for one place. Arbitrary: what is beyond has no keys."""

_ALSO: Final = ("allOf", "anyOf", "oneOf")
_THEN: Final = ("then", "else")


class Place:
    """A place in documents, as all the subschemas that speak of it. ``Place(schema)`` is the root."""

    __slots__ = ("_found", "_root")

    def __init__(self, root: Any, schemas: list[Any] | None = None) -> None:
        self._root = root
        self._found = list(self._spread([root] if schemas is None else schemas))

    @property
    def keys(self) -> tuple[str, ...]:
        """The members that tell the items of a list here apart; empty when nobody says."""
        for schema in self._found:
            for name in NAMES:
                keys = schema.get(name)
                if isinstance(keys, list) and keys and all(isinstance(key, str) for key in keys):
                    return tuple(keys)
        return ()

    def member(self, name: str) -> Place:
        """The place of an object's member."""
        found = []
        for schema in self._found:
            properties = schema.get("properties")
            if isinstance(properties, dict) and name in properties:
                found.append(properties[name])
            elif "additionalProperties" in schema:
                found.append(schema["additionalProperties"])
        return Place(self._root, found)

    @property
    def item(self) -> Place:
        """The place of any item of a list."""
        return Place(self._root, [schema["items"] for schema in self._found if "items" in schema])

    def _spread(self, schemas: list[Any]) -> Iterator[dict[str, Any]]:
        """These schemas and all that apply in the same place."""
        waiting, seen = list(schemas), set[int]()
        while waiting and len(seen) < SCHEMAS_MAX:
            schema = waiting.pop(0)
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            seen.add(id(schema))
            yield schema
            for name in _ALSO:
                branches = schema.get(name)
                waiting += branches if isinstance(branches, list) else []
            waiting += [schema[name] for name in _THEN if name in schema]
            waiting += self._referred(schema.get("$ref"))

    def _referred(self, reference: Any) -> list[Any]:
        """What a reference inside the document names (RFC 6901 as a URI fragment); others are not followed."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return []
        found = self._root
        for token in reference[1:].split("/")[1:]:
            name = token.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                return []
            found = found[name]
        return [found]

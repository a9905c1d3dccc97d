"""References within one JSON Schema: followed where a lens passes, and watched where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from versiqiid.core.patch import resolve_pointer
from versiqiid.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

_CHAIN_MAX = 100  # arbitrary: a longer chain of references is a circle
_ANNOTATIONS = ("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment")


def follow(root: Json, schema: Json) -> Json | None:
    """The schema itself, or what its ``$ref`` leads to with the keywords beside the reference laid over it.

    None when the reference leaves the document, leads nowhere or in a circle, or when a keyword beside it says
    something else than the same keyword there (both would hold then, and one schema object cannot say both).
    """
    for _ in range(_CHAIN_MAX):
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema
        target = _resolve(root, schema["$ref"])
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        if not isinstance(target, dict):
            return target if target is True and not beside else None
        if any(name in target and target[name] != beside[name] for name in beside if name not in _ANNOTATIONS):
            return None
        schema = {**target, **beside}
    return None


def changed_reference(before: Json, after: Json) -> str | None:
    """A reference in ``after`` that led somewhere in ``before`` and now leads elsewhere or nowhere; None without one.

    Such a reference (``#`` in a recursive schema, ``#/properties/a`` when ``a`` was renamed) would carry the lens to
    places where it does not work on the document.
    """
    for reference in sorted(set(_references(after))):
        led_to = _resolve(before, reference)
        if led_to is not None and _resolve(after, reference) != led_to:
            return reference
    return None


def _references(schema: Json) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            reference = item.get("$ref")
            if isinstance(reference, str):
                yield reference
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _resolve(root: Json, reference: Json) -> Json | None:
    """What a reference of the form ``#`` or ``#/…`` names (RFC 6901, section 6), None for any other."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    try:
        return resolve_pointer(root, unquote(reference[1:]))
    except NotFound:
        return None

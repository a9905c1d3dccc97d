"""References to secrets inside a config: finding them, and putting in values that somebody else fetches.

"A string of the form ``vault:<mount>/<path>#<field>`` in a config is a reference … resolved only by the agent on the
host" (``docs/kv-layout.md``, rule 5).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from versiqiid.core.limits import pointer_token
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

_REFERENCE = re.compile(r"vault:(?P<mount>[^/#\s]+)/(?P<path>[^#\s]+)#(?P<field>[^#\s]+)\Z")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """Where a secret is: never the secret itself, so it may stand in errors."""

    mount: str
    path: str
    field: str

    def __str__(self) -> str:
        return f"vault:{self.mount}/{self.path}#{self.field}"


Resolve: TypeAlias = Callable[[Reference], Awaitable[str]]
"""Gives the present value.

:raises VersiqiiError: it cannot be had; retryable says whether to ask again with the same config.
"""


def as_reference(text: str) -> Reference | None:
    """The reference that this string is, or None for any other string."""
    match = _REFERENCE.match(text)
    return Reference(match["mount"], match["path"], match["field"]) if match else None


def references(value: Json) -> dict[str, Reference]:
    """Every reference in the document, by RFC 6901 pointer. Keys of objects are never references."""
    return {
        pointer: reference for pointer, text in _strings(value, "") if (reference := as_reference(text)) is not None
    }


async def resolved(value: Json, resolve: Resolve | None) -> tuple[Json, bool]:
    """The document with values in place of references, and whether there was any; each reference is asked for once.

    :raises InvalidInput: there are references and nobody to resolve them; the first is named.
    :raises VersiqiiError: as ``resolve`` does.
    """
    found = references(value)
    if not found:
        return value, False
    if resolve is None:
        pointer, reference = next(iter(found.items()))
        raise InvalidInput(
            f"{pointer}: {reference} cannot be resolved, no source of secrets is set on this host",
            hint="Give the daemon an address of Vault, or bind a config without references here.",
        )
    values = {reference: await resolve(reference) for reference in sorted(set(found.values()))}
    return _replaced(value, values), True


def _strings(value: Json, pointer: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield pointer, value
        case dict():
            for key, item in value.items():
                yield from _strings(item, pointer + pointer_token(key))
        case list():
            for index, item in enumerate(value):
                yield from _strings(item, pointer + pointer_token(index))


def _replaced(value: Json, values: dict[Reference, str]) -> Json:
    match value:
        case str():
            reference = as_reference(value)
            return value if reference is None else values[reference]
        case dict():
            return {key: _replaced(item, values) for key, item in value.items()}
        case list():
            return [_replaced(item, values) for item in value]
        case _:
            return value

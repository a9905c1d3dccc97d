"""Entries of older versions of their types, read as the newest: one small function for each step, applied in order.

An entry is never changed, and its bytes are what is proved and sent. Whoever interprets an entry reads it through
``current``. An entry says the version of its type as ``typeVersion``; without it, it is version 1.

To change the shape of a type: raise its number in ``VERSIONS``, write the step from the version before, and freeze an
entry of that version in ``tests/unit/frozen``. Adding a member needs none of this: ``data`` is open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Data: TypeAlias = dict[str, Any]
Step: TypeAlias = Callable[[Data], Data]


def _token_rotated_1(data: Data) -> Data:
    """Version 1 named what the credential is for, and no credential."""
    told = {name: value for name, value in data.items() if name != "use"}
    return {"credential": data["use"], **told} if "use" in data else told


VERSIONS: Final[Mapping[str, int]] = MappingProxyType({"TokenRotated": 2})
"""The version in which entries of a type are written; 1 where it is not named."""

STEPS: Final[Mapping[tuple[str, int], Step]] = MappingProxyType({("TokenRotated", 1): _token_rotated_1})
"""Type and version → the step to the next version."""


def version_of(entry_type: str) -> int:
    """The version in which entries of this type are written."""
    return VERSIONS.get(entry_type, 1)


def current(told: Mapping[str, Any]) -> dict[str, Any]:
    """The entry as its type is written now, in a value of its own.

    One of a newer version than is known here, from a later release, stays as it is: its data is open, and what is
    known of it is still there.
    """
    kind, data = told.get("type"), told.get("data")
    if not isinstance(kind, str) or not isinstance(data, dict):
        return dict(told)
    version = told.get("typeVersion", 1)
    first = version
    while isinstance(version, int) and (step := STEPS.get((kind, version))) is not None:
        data, version = step(dict(data)), version + 1
    return {**told, "data": data} if version == first else {**told, "data": data, "typeVersion": version}

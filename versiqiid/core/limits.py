"""How large a document may be, and the one place where a value is measured. Bytes are ``document``'s business."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from versiqiid.core.canonical import INTEGER_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

has_surrogate = re.compile("[\ud800-\udfff]").search
"""Finds a code point that is no character: JSON's ``\\ud800`` without its other half."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may be.

    :ivar bytes_max: bytes as read, and bytes of the canonical form.
    :ivar depth_max: levels of nesting. Every value has a depth: the root has 1, a member or an element one more than
        what holds it, so ``[[1]]`` has depth 3.
    :ivar values_max: nulls, booleans, numbers, strings, arrays and objects together, the root included, keys not, each
        counted as often as it stands in the document once aliases are expanded.
    :ivar exact: whether integers are held to what every reader of JSON holds exactly; otherwise they may be any.
    """

    bytes_max: int = 350_000
    depth_max: int = 100
    values_max: int = 100_000
    exact: bool = True


DOCUMENT_LIMITS = Limits()


_Path: TypeAlias = "tuple[()] | tuple[_Path, str | int]"
"""The way from the root as pairs of (path to what holds it, key or index): one pair a value, whatever the depth."""

_Placed: TypeAlias = "tuple[Json, _Path]"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value, and the RFC 6901 pointer to where."""

    pointer: str
    message: str


def pointer_token(key: str | int) -> str:
    """One step of an RFC 6901 pointer, with its slash."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def fault_of(value: Json, limits: Limits) -> Fault | None:
    """The first thing, level by level, that no document may hold; None when there is none. Never recurses.

    Every limit but the size of the canonical form is judged, and the characters alone must fit ``bytes_max``, so that
    writing the canonical form afterwards is cheap.
    """
    level: list[_Placed] = [(value, ())]
    depth, values, characters = 0, 0, 0
    while level:
        depth += 1
        values += len(level)
        if depth > limits.depth_max:
            return Fault(_pointer(level[0][1]), f"nested more than {limits.depth_max} levels deep")
        if values > limits.values_max:
            return Fault("", f"more than {limits.values_max} values")
        below: list[_Placed] = []
        for item, path in level:
            if (message := _fault_here(item, exact=limits.exact)) is not None:
                return Fault(_pointer(path), message)
            characters += _characters(item)
            below.extend(_children(item, path))
            if values + len(below) > limits.values_max:
                return Fault("", f"more than {limits.values_max} values")
        if characters > limits.bytes_max:
            return Fault("", f"more than {limits.bytes_max} bytes")
        level = below
    return None


def _fault_here(item: Json, *, exact: bool) -> str | None:
    if isinstance(item, dict):
        fits = all(isinstance(key, str) and has_surrogate(key) is None for key in item)
        return None if fits else "a key that is no text"
    if isinstance(item, str):
        return None if has_surrogate(item) is None else "a lone surrogate, which is no character"
    if item is None or isinstance(item, bool | list):
        return None
    if isinstance(item, int):
        return None if not exact or -INTEGER_MAX <= item <= INTEGER_MAX else f"an integer beyond ±{INTEGER_MAX}"
    if isinstance(item, float):
        return None if math.isfinite(item) else "a number that is not finite"
    return "something that JSON cannot express"


def _characters(item: Json) -> int:
    if isinstance(item, dict):
        return sum(map(len, item))
    return len(item) if isinstance(item, str) else 0


def _children(item: Json, path: _Path) -> Iterator[_Placed]:
    if isinstance(item, dict):
        return ((member, (path, key)) for key, member in item.items())
    if isinstance(item, list):
        return ((member, (path, index)) for index, member in enumerate(item))
    return iter(())


def _pointer(path: _Path) -> str:
    tokens: list[str] = []
    while path:
        path, key = path
        tokens.append(pointer_token(key))
    return "".join(reversed(tokens))

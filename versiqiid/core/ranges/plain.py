"""Ranges of dates, sequences (ordered) and git names (not ordered): our own small grammar, described in the door.

A typo must not choose a schema, so an empty alternative (``a ||``) is refused here although npm takes it for "any".
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from versiqiid.core.versions import Scheme, Version, parse
from versiqiid.core.versions.version import shown
from versiqiid.errors import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPARATOR = re.compile(r"(>=|<=|>|<|=|)\s*([^\s<>=]+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "": operator.eq,
}


def ordered_range(scheme: Scheme, text: str) -> Callable[[Version], bool]:
    """Alternatives of comparators over a scheme whose order leaves no two different versions level.

    :raises InvalidVersion: an alternative or a comparator is empty, or none.
    """
    if text in ("", "*"):
        return _any
    alternatives = [_comparators(scheme, text, part.strip()) for part in text.split("||")]

    def matches(version: Version) -> bool:
        return any(
            all(_COMPARE[sign](version.order_key, bound) for sign, bound in comparators) for comparators in alternatives
        )

    return matches


def git_sha_range(text: str) -> Callable[[Version], bool]:
    """One name, or several with ``||`` between them.

    :raises InvalidVersion: an alternative is empty, or no name of a commit.
    """
    if text in ("", "*"):
        return _any
    named = frozenset(_git_sha(text, part.strip()) for part in text.split("||"))
    return named.__contains__


def _any(_version: Version) -> bool:
    return True


def _comparators(scheme: Scheme, text: str, alternative: str) -> list[tuple[str, object]]:
    if alternative == "*":
        return []
    found: list[tuple[str, object]] = []
    if not alternative:
        raise _no_range(scheme, text, "a comparator such as >=A on both sides of ||")
    rest = alternative
    while rest:
        comparator = _COMPARATOR.match(rest)
        if not comparator:
            raise _no_range(scheme, text, f"a comparator such as >=A at {shown(rest)}")
        found.append((comparator[1], _bound(scheme, text, comparator[2]).order_key))
        rest = rest[comparator.end() :]
        if rest and not rest[0].isspace():
            raise _no_range(scheme, text, f"a space before {shown(rest)}")
        rest = rest.lstrip()
    return found


def _git_sha(text: str, alternative: str) -> Version:
    return _bound(Scheme.GIT_SHA, text, alternative.removeprefix("=").lstrip())


def _bound(scheme: Scheme, text: str, written: str) -> Version:
    try:
        return parse(scheme, written)
    except InvalidVersion as error:
        raise _no_range(scheme, text, f"versions in it, but {error.message}") from None


def _no_range(scheme: Scheme, text: str, expected: str) -> InvalidVersion:
    example = "A || B" if scheme is Scheme.GIT_SHA else ">=A <B || C"
    return InvalidVersion(
        f"{shown(text)} is no {scheme.value} range: expected {expected}",
        hint=f"write it as {example}, or * for any version",
    )

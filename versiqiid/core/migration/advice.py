"""What a family's migrations could be: which neighbours have none, and where a hub version would spare most of them.

Advice only. The rule that decides a path is ``path.py``, and it follows keys as they are.

With a hub, every version of a major line converts to and from one of them: ``2 (n - 1)`` converters instead of
``n (n - 1)``; hubs of neighbouring lines convert to each other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from versiqiid.core.versions import Scheme, parse
from versiqiid.errors import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    Pair = tuple[str, str]

_first_number = re.compile(r"[^.\-]+").match
_LINED = (Scheme.SEMVER, Scheme.PEP440, Scheme.DATE)
"""Schemes whose first number says what belongs together; versions of the others are one line."""


@dataclass(frozen=True, slots=True)
class Hub:
    """One major line and the version through which its others would best convert.

    :ivar line: the number that its versions begin with, empty where they have none.
    :ivar versions: of the line, in order. :ivar missing: converters to and from the hub that have no key.
    """

    line: str
    version: str
    versions: tuple[str, ...]
    missing: tuple[Pair, ...]

    def as_json(self) -> dict[str, Any]:
        count = len(self.versions)
        return {
            "line": self.line,
            "hub": self.version,
            "versions": list(self.versions),
            "converters": {"withHub": 2 * (count - 1), "withoutHub": count * (count - 1)},
            "missing": _told(self.missing),
        }


@dataclass(frozen=True, slots=True)
class Advice:
    """:ivar missing: steps between neighbouring versions, on the way that was asked for, that have no key.
    :ivar between: steps between hubs of neighbouring lines that have no key.
    """

    missing: tuple[Pair, ...]
    hubs: tuple[Hub, ...]
    between: tuple[Pair, ...]

    def as_json(self) -> dict[str, Any]:
        hubs = {"lines": [hub.as_json() for hub in self.hubs], "missingBetween": _told(self.between)}
        return {"missing": _told(self.missing), "hubs": hubs}


def advise(scheme: Scheme, *, existing: Iterable[str], keys: Collection[Pair], source: str, destination: str) -> Advice:
    """What would help from ``source`` to ``destination``, and the family as a whole.

    :param existing: the family's schema versions; texts that are no version of the scheme are left out.
    :param keys: every migration key of the family, as (from, to).
    """
    order = _ordered(scheme, {*existing, source, destination})
    way = _between(order, source, destination)
    hubs = tuple(_hub(line, versions, keys) for line, versions in _lines(scheme, order).items())
    pairs = [pair for one, other in pairwise(hubs) for pair in _both(one.version, other.version)]
    return Advice(
        tuple(pair for pair in pairwise(way) if pair not in keys),
        hubs,
        tuple(pair for pair in pairs if pair not in keys),
    )


def _ordered(scheme: Scheme, texts: Iterable[str]) -> list[str]:
    placed: list[tuple[Any, str]] = []
    for text in texts:
        try:
            version = parse(scheme, text)
        except InvalidVersion:
            continue
        placed.append((version.order_key if scheme.ordered else version.canonical, text))
    return [text for _, text in sorted(placed)]


def _between(order: list[str], source: str, destination: str) -> list[str]:
    """The versions from one to the other, both included, in that direction; empty where one has no place."""
    if source not in order or destination not in order:
        return []
    start, end = order.index(source), order.index(destination)
    return order[start : end + 1] if start <= end else order[end : start + 1][::-1]


def _lines(scheme: Scheme, order: list[str]) -> dict[str, tuple[str, ...]]:
    lines: dict[str, list[str]] = defaultdict(list)
    for text in order:
        found = _first_number(parse(scheme, text).canonical) if scheme in _LINED else None
        lines[found[0] if found else ""].append(text)
    return {line: tuple(versions) for line, versions in lines.items()}


def _hub(line: str, versions: tuple[str, ...], keys: Collection[Pair]) -> Hub:
    """The version that has most of the converters already, of several the newest."""

    def worth(version: str) -> tuple[int, int]:
        there = sum(pair in keys for other in versions if other != version for pair in _both(version, other))
        return there, versions.index(version)

    hub = max(versions, key=worth)
    wanted = (pair for other in versions if other != hub for pair in _both(other, hub))
    return Hub(line, hub, versions, tuple(pair for pair in wanted if pair not in keys))


def _both(one: str, other: str) -> tuple[Pair, Pair]:
    return (one, other), (other, one)


def _told(pairs: Iterable[Pair]) -> list[dict[str, str]]:
    return [{"from": source, "to": destination} for source, destination in pairs]

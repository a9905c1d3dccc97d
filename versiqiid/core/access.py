"""Facts of access: who was let in, who was not, which credential was given, used and taken back. Never a secret.

Anybody who reaches the API can fail to log in as often as they like, so such facts pass a sieve before they become
entries: the first of a kind at once, the rest as a count. Pure: the clock is an argument.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from versiqiid.core.canonical import canonical

EVERY_S = 60.0
"""How often a kind that goes on is told. Arbitrary: a person who looks at it afterwards wants no finer picture."""
KINDS_MAX = 1024
"""Kinds that are remembered. Arbitrary: what a stranger can make up must not fill the memory."""
TOLD_MAX = 60
"""Facts that pass within ``EVERY_S``, whatever their kinds. Arbitrary: ten times what people do."""


@dataclass(frozen=True, slots=True)
class Access:
    """One fact.

    :ivar type: the entry type, such as ``LoginFailed``.
    :ivar stream: of the journal, such as ``token/store``.
    :ivar data: names, reasons and numbers; credentials only by ``nickname``.
    :ivar actor: who, where it is not the daemon itself.
    """

    type: str
    stream: str
    data: Mapping[str, Any]
    actor: str = ""


Tell: TypeAlias = Callable[[Access], None]
"""Takes a fact, at once and without waiting."""


def nickname(secret: str) -> str:
    """What a token is called where it may not be shown: eight digits of its SHA-256."""
    return f"token-{hashlib.sha256(secret.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class _Kind:
    """What is known of one kind: its newest fact, when it was told last, and how often it came since."""

    fact: Access
    told_at: float
    missed: int = 0


@dataclass(slots=True)
class Sieve:
    """Lets through the first fact of a kind, and from then on one in ``every_s`` that says how many it stands for.

    Facts are of one kind when they say the same. ``count`` stands in the data of a fact that is not the first;
    ``others`` counts what came of kinds that were forgotten, or beyond the most that pass at all.
    Invariant: passed facts, their counts and others, and what is still held add up to what was offered.
    """

    every_s: float = EVERY_S
    kinds_max: int = KINDS_MAX
    told_max: int = TOLD_MAX
    _kinds: dict[bytes, _Kind] = field(default_factory=dict)
    _room: float = field(default=0.0, init=False)
    _room_at: float = field(default=float("-inf"), init=False)
    _others: int = 0

    def offer(self, fact: Access, now: float) -> Access | None:
        """The fact as it is to be told, or None when it only counts.

        :param now: seconds on a clock that never goes back.
        """
        name = canonical({"type": fact.type, "stream": fact.stream, "data": dict(fact.data), "actor": fact.actor})
        kind = self._kinds.get(name)
        if kind is not None and now - kind.told_at < self.every_s:
            kind.missed += 1
            return None
        if not self._has_room(now):
            self._others += 1
            return None
        missed = kind.missed if kind is not None else 0
        self._remember(name, _Kind(fact, now))
        return self._counted(fact, missed + 1)

    def due(self, now: float) -> list[Access]:
        """What came since it was told last, of kinds whose time it is."""
        found = []
        for kind in self._kinds.values():
            if kind.missed and now - kind.told_at >= self.every_s:
                found.append(self._counted(kind.fact, kind.missed))
                kind.missed, kind.told_at = 0, now
        return found

    def _counted(self, fact: Access, count: int) -> Access:
        more = {"count": count} if count > 1 else {}
        more |= {"others": self._others} if self._others else {}
        self._others = 0
        return replace(fact, data={**fact.data, **more}) if more else fact

    def _remember(self, name: bytes, kind: _Kind) -> None:
        self._kinds.pop(name, None)
        self._kinds[name] = kind
        while len(self._kinds) > self.kinds_max:
            oldest = next(iter(self._kinds))
            self._others += self._kinds.pop(oldest).missed

    def _has_room(self, now: float) -> bool:
        """A token bucket: full at first, and filled again within ``every_s``."""
        passed = now - self._room_at
        self._room = min(self.told_max, self._room + passed * self.told_max / self.every_s)
        self._room_at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True

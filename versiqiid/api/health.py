"""Alive, ready, leading: what the daemon says about itself, as plain values that every face renders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from versiqiid.core.status import state_of
from versiqiid.engine.engine import Engine
from versiqiid.ports import Holding


@dataclass(frozen=True, slots=True)
class Readiness:
    """:ivar reasons: why not, empty when ready. :ivar notes: what does not make it unready but should be known."""

    ready: bool
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Health:
    """Answers from the engine's present state.

    :param clock: monotonic seconds, the engine's own.
    :param unready_after_s: how long the store may be out of reach.
    """

    engine: Engine
    name: str
    clock: Callable[[], float]
    unready_after_s: float
    notes: list[Callable[[], str | None]] = field(default_factory=list)

    def readiness(self) -> Readiness:
        """Ready when the snapshot is complete and the store was reached recently; a standby too."""
        observer = self.engine.observer
        reasons = []
        if not observer.complete.is_set():
            reasons.append("the store has not been read completely yet")
        age = self.store_age_s()
        if age is not None and age > self.unready_after_s:
            reasons.append(f"the store was last reached {age:.0f} s ago")
        if observer.trouble is not None and reasons:
            reasons.append(f"store: {observer.trouble.message}")
        refusal = self.engine.leadership.refusal
        notes = [note for source in self.notes if (note := source()) is not None]
        if refusal is not None:
            notes.append(f"does not lead: {refusal.message}")
        if observer.trouble is not None and not reasons:
            notes.append(f"store: {observer.trouble.message}")
        return Readiness(not reasons, tuple(reasons), tuple(notes))

    def watch(self) -> dict[str, Any]:
        """How the store is watched, query by query. Prefixes are left out: who asks for health needs no token."""
        coverage = self.engine.coverage()
        return {
            "index": coverage.index,
            "lag": coverage.lag,
            "failing": coverage.failing,
            "queries": [
                {
                    "kind": shard.kind,
                    "keys": shard.keys,
                    "bytes": shard.value_bytes,
                    "index": shard.index,
                    "ageSeconds": None if shard.age_s is None else round(shard.age_s, 3),
                    "failures": shard.failures,
                }
                for shard in coverage.shards
            ],
        }

    def store_age_s(self) -> float | None:
        """Seconds since the store last answered the watch, None before the first answer."""
        return self.engine.reached_age_s()

    def leader(self, held: Holding | None) -> dict[str, Any]:
        """Who holds the lead by the store's word; nobody when the lock is free, whatever its key still says."""
        told = state_of(held.value) if held is not None else {}
        return {
            "leader": told.get("leader"),
            "since": told.get("since"),
            "epoch": told.get("epoch"),
            "self": held is not None and self.engine.leadership.leads(held.session),
        }

"""Who is writing which key just now: told by our own API before it writes, asked when the observer sees the write.

The store keeps no author. Without this, a write through the API could be recorded as a plain key write when the watch
is faster than the API's own append.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from versiqiid.engine.facts import Attribution

_NOBODY = Attribution()


class Attributions:
    """Announced writes of this process, by key and digest of the value (None = deletion)."""

    def __init__(self) -> None:
        self._announced: dict[tuple[str, str | None], list[Attribution]] = {}

    @contextmanager
    def announced(self, writes: Iterable[tuple[str, str | None]], by: Attribution) -> Iterator[None]:
        """While inside, observations of exactly these writes are attributed to ``by``."""
        slots = list(writes)
        for slot in slots:
            self._announced.setdefault(slot, []).append(by)
        try:
            yield
        finally:
            for slot in slots:
                waiting = self._announced[slot]
                waiting.remove(by)
                if not waiting:
                    del self._announced[slot]

    def of(self, key: str, digest: str | None) -> Attribution:
        """Who announced this write, or nobody known."""
        waiting = self._announced.get((key, digest))
        return waiting[0] if waiting else _NOBODY

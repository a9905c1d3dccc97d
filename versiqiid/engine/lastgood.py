"""What each binding was last given, as the journal knows it: the word that foreign writes are healed to."""

from __future__ import annotations

from dataclasses import dataclass

from versiqiid.core import keys as k
from versiqiid.ports import Journal, Recorded


@dataclass(frozen=True, slots=True)
class _Known:
    digest: str | None
    position: int


class LastGood:
    """The digest and settlement position per binding, read from the journal when leading begins."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[k.BindingId, _Known] = {}

    async def load(self) -> None:
        self._known.clear()
        for record in await self._journal.keys("effective/"):
            meaning = k.parse(record.key)
            if isinstance(meaning, k.EffectiveKey):
                self._known[meaning.id] = _Known(record.digest or None, record.position)

    def digest(self, binding: k.BindingId) -> str | None:
        """``sha256:…`` of the last good effective config, None when there never was one or it was removed."""
        known = self._known.get(binding)
        return known.digest if known else None

    def position(self, binding: k.BindingId) -> int | None:
        """Where the newest settlement of this binding stands in the journal."""
        known = self._known.get(binding)
        return known.position if known else None

    async def document(self, binding: k.BindingId) -> bytes | None:
        """The last good effective config itself."""
        known = self.digest(binding)
        return await self._journal.document(known) if known else None

    def settled(self, key: str, digest: str | None, recorded: Recorded) -> None:
        """Take in a settlement."""
        meaning = k.parse(key)
        if not isinstance(meaning, k.EffectiveKey):
            return
        if digest is None:
            self._known.pop(meaning.id, None)
        else:
            self._known[meaning.id] = _Known(digest or None, recorded.position)

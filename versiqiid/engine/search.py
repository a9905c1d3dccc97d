"""The full-text index kept up with a journal by position. What is searched is ``core/search.py``'s."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from versiqiid.core.search import COLUMNS, Asked, Mark, Text, document_text, texts
from versiqiid.engine.audit import AuditedJournal
from versiqiid.ports import Query, Recorded

_PAGE = 500


class Index(Protocol):
    """Where words are kept by position."""

    async def mark(self) -> Mark:
        """How far it has come."""
        ...

    async def known(self, digests: Sequence[str]) -> frozenset[str]:
        """Those of the documents that are indexed already."""
        ...

    async def add(self, texts: Sequence[Text], before: Mark, after: Mark) -> bool:
        """Take in what follows a mark, all or nothing; False when another process was faster."""
        ...

    async def find(self, asked: Asked) -> tuple[int, ...]:
        """Positions of the newest entries that match, newest first."""
        ...

    async def clear(self) -> None:
        """Throw everything away."""
        ...


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found. ``found_in``: the columns that hold all of the words; both where only together."""

    entry: Recorded
    found_in: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The entry with ``foundIn``."""
        told: dict[str, Any] = json.loads(self.entry.entry)
        return told | {"foundIn": list(self.found_in)}


async def find(journal: AuditedJournal, index: Index, asked: Asked) -> tuple[Hit, ...]:
    """The newest entries that match, newest first, as far as the index has come.

    :raises InvalidInput: words that cannot be searched for.
    """
    positions = await index.find(asked)
    columns = COLUMNS if asked.within is None else (asked.within,)
    where = {column: set(await index.find(replace(asked, within=column))) for column in columns}
    hits = []
    for position in positions:
        for entry in await journal.read(Query(start=position, limit=1)):
            found = tuple(column for column in columns if position in where[column])
            hits.append(Hit(entry, found or COLUMNS))
    return tuple(hits)


async def bring(journal: AuditedJournal, index: Index, *, at_most: int | None = None) -> int:
    """Bring the index up to the journal's end; the number of entries that were taken in.

    An index of another journal, or of one that has become another since (restored, tampered with), begins anew.

    :param at_most: stop after about so many entries; None = at the end.
    :raises JournalRefused: ``entry``: an entry cannot be read.
    """
    if not await _is_of(journal, await index.mark()):
        await index.clear()
    taken = 0
    while at_most is None or taken < at_most:
        before = await index.mark()
        page = await journal.read(Query(start=before.position, limit=_PAGE))
        if not page:
            return taken
        size = page[-1].position + 1
        after = Mark(journal.origin, size, (await journal.root(size)).hex())
        if await index.add(await _texts(journal, index, page), before, after):
            taken += len(page)
    return taken


async def _is_of(journal: AuditedJournal, mark: Mark) -> bool:
    """Whether the index is one of the journal's first entries as they are now: the root over them tells."""
    if mark.position == 0:
        return True
    if mark.origin != journal.origin or mark.position > await journal.size():
        return False
    return (await journal.root(mark.position)).hex() == mark.root


async def _texts(journal: AuditedJournal, index: Index, page: Sequence[Recorded]) -> list[Text]:
    """Each entry with those of its documents that no earlier one had."""
    read = [(entry.position, *texts(entry.entry, entry.position)) for entry in page]
    seen = set(await index.known([name for _, _, digests in read for name in digests]))
    made: list[Text] = []
    for position, words, digests in read:
        found = {name: await journal.document(name) for name in digests if name not in seen}
        kept = {name: value for name, value in found.items() if value is not None}
        seen.update(kept)
        made.append(Text(position, words, "\n".join(map(document_text, kept.values())), tuple(kept)))
    return made

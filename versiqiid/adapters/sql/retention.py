"""Which kept documents are only history, and letting go of them: what a journal may do once its archive has them.

Entries, hashes and checkpoints are never among it, so every proof stays as it was. Looking takes many short questions,
so that others are answered in between; letting go takes one transaction for each batch, in which everything that may
have changed since the look is looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from versiqiid.adapters.sql import intents, queries, writes
from versiqiid.adapters.sql.database import Database, Row
from versiqiid.adapters.sql.ledger import Ledger
from versiqiid.adapters.sql.operations import Append, Needs
from versiqiid.ports import Draft

_PAGE = 1000
_CANDIDATES_MAX = 20_000
"""Documents that one look is about; arbitrary, bounds the memory whatever the journal's size."""

_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
_BOUNDARY = "SELECT position FROM entries WHERE time >= ? ORDER BY time, position LIMIT 1"
_OLD = "SELECT position, entry FROM entries WHERE position >= ? AND position < ? ORDER BY position LIMIT ?"
_FROM = "SELECT position, entry FROM entries WHERE position >= ? ORDER BY position LIMIT ?"
_STAMPS = (
    "SELECT position, entry FROM entries WHERE type = 'CheckpointTimestamped' AND position >= ?"
    " ORDER BY position LIMIT ?"
)
_NEWEST = (
    "SELECT s.stream, e.entry FROM streams s"
    " JOIN entries e ON e.stream = s.stream AND e.stream_revision = s.revision"
    " WHERE s.stream > ? ORDER BY s.stream LIMIT ?"
)
_PRESENT = "SELECT key, digest FROM keys WHERE digest IS NOT NULL AND key > ? ORDER BY key LIMIT ?"
_OPEN = "SELECT drafts FROM intents WHERE state = 'open'"

Question = Callable[[Database], list[Row]]
Read = Callable[[Question], Awaitable[list[Row]]]


@dataclass(slots=True)
class OnlyHistory:
    """What one look has found.

    :ivar digests: kept documents that entries older than asked for speak of, and nothing else does.
    :ivar seen: everything before this position was looked at.
    :ivar start: where the next look begins, None = there is nothing older left to look at.
    """

    digests: set[str]
    seen: int
    start: int | None


async def only_history(read: Read, before: str, start: int) -> OnlyHistory:
    """Look at the entries from ``start`` on for documents that are only history, a bounded number of them.

    Needed, and so never among them, is what stands in a newer entry, in the newest entry of any stream, in one about a
    time stamp, is the present value of a key, or belongs to an intent that is open.

    :param read: asks one question on a connection that others use too.
    :param before: RFC 3339 as entries have it.
    """
    ((seen,),) = await read(lambda db: [(queries.head(db).size,)])
    boundary = await read(_asked(_BOUNDARY, before))
    stop = boundary[0][0] if boundary else seen
    found: set[str] = set()
    position: int | None = start
    while position is not None and len(found) < _CANDIDATES_MAX:
        page = await read(_asked(_OLD, position, stop, _PAGE))
        kept = await read(_kept(_digests(entry for _, entry in page)))
        found.update(name for (name,) in kept)
        position = page[-1][0] + 1 if len(page) == _PAGE else None
    if found:
        await _spare(read, found, stop)
    return OnlyHistory(found, seen, position)


async def _spare(read: Read, found: set[str], stop: int) -> None:
    """Take out what is needed."""
    for sql, first in ((_FROM, stop), (_STAMPS, 0), (_NEWEST, ""), (_PRESENT, "")):
        after: int | str = first
        while page := await read(_asked(sql, after, _PAGE)):
            found -= _digests(text.encode() if isinstance(text, str) else text for _, text in page)
            last = page[-1][0]
            after = last + 1 if isinstance(last, int) else last
    found -= _under_way(await read(_asked(_OPEN)))


def let_go(db: Database, old: OnlyHistory, fact: Callable[[int], Draft], now: str, limit: int) -> int:
    """Let go of a batch inside the caller's transaction, and record it there; the number of those that went.

    What was spoken of since the look is spared, now and later.

    :param fact: the draft about so many documents. ``now``: RFC 3339.
    :param limit: how many at most.
    """
    head = queries.head(db)
    while old.seen < head.size:
        page = db.query(_FROM, old.seen, _PAGE)
        old.digests -= _digests(entry for _, entry in page)
        old.seen = page[-1][0] + 1
    old.digests -= _under_way(db.query(_OPEN))
    batch = set(islice(old.digests, limit))
    old.digests -= batch
    gone = [name for (name,) in _kept(batch)(db)]
    if gone:
        operation, needs = Append.of([fact(len(gone))], None, None), Needs()
        operation.needs(needs)
        ledger = Ledger(queries.known(db, needs))
        ledger.append(operation, now)
        writes.write(db, ledger, head, None)
        db.let_go(gone)
    return len(gone)


def _asked(sql: str, *values: object) -> Question:
    return lambda db: db.query(sql, *values)


def _kept(names: Iterable[str]) -> Question:
    """Which of these documents are there."""
    wanted = sorted(names)
    return lambda db: queries.kept(db, wanted)


def _digests(texts: Iterable[bytes]) -> set[str]:
    return {found.decode() for text in texts for found in _DIGEST.findall(bytes(text))}


def _under_way(rows: list[Row]) -> set[str]:
    """What open intents need."""
    return {name for (drafts,) in rows for name in intents.digests(drafts)}

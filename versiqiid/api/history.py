"""What a desired key was, when: its revisions, a past state, differences. No HTTP here, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from versiqiid.api.entries import Revision, every, revision_of
from versiqiid.api.points import ByCorrelation, ByPosition, Place, Standing, parse_point
from versiqiid.core import keys as k
from versiqiid.errors import InvalidInput, InvalidKey, NotFound
from versiqiid.ports import Journal, Query, Recorded

PAGE_SIZE_DEFAULT = 500
PAGE_SIZE_MAX = 10_000
_TOKEN_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class RevisionPage:
    """:ivar next_token: None at the end."""

    items: tuple[Revision, ...]
    next_token: str | None


class History:
    """Past states of desired keys, as the journal knows them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def page(self, key: str, *, page_size: int = PAGE_SIZE_DEFAULT, page_token: str = "") -> RevisionPage:
        """Revisions of a key, oldest first, one page of them.

        :raises InvalidKey: not a desired key. :raises NotFound: the journal knows no such key.
        :raises InvalidInput: a token that was never given out, or a page size that cannot be.
        """
        if not 1 <= page_size <= PAGE_SIZE_MAX:
            raise InvalidInput(f"page_size must be 1 to {PAGE_SIZE_MAX}")
        _check(key)
        start = _position(page_token)
        found = await self._journal.read(Query(key=key, start=start, limit=page_size))
        if not found and not start:
            raise _unknown(key)
        full = len(found) == page_size and await self._journal.read(Query(key=key, start=_behind(found), limit=1))
        return RevisionPage(tuple(map(revision_of, found)), str(_behind(found)) if full else None)

    async def each(self, key: str, *, start: int = 0) -> AsyncIterator[Revision]:
        """Every revision of a key, oldest first, however many there are; none of an unknown key.

        :param start: the first position of the journal that is looked at.
        :raises InvalidKey: not a desired key.
        """
        _check(key)
        async for entry in every(self._journal, Query(key=key, start=start)):
            yield revision_of(entry)

    async def standing(self, key: str, place: Place) -> Revision | None:
        """The revision of a key at a place, None when it had none there.

        :raises InvalidKey: not a desired key. :raises NotFound: the journal knows no such key.
        """
        standing, known = Standing(place), False
        async for revision in self.each(key):
            standing.take(revision)
            known = True
        if not known:
            raise _unknown(key)
        return standing.found

    async def at(self, key: str, point: str) -> Revision:
        """The revision of a key at a point (see ``points.py``).

        :raises NotFound: the key has no revision there, or the point is unknown.
        """
        found = await self.standing(key, await self.place(point))
        if found is None:
            msg = f"{key!r} has no revision at {point[:80]!r}"
            raise NotFound(msg, hint=f"See `versiqii configs history {key}`.")
        return found

    async def place(self, point: str) -> Place:
        """Where in the journal a point is.

        :raises InvalidInput: a time that is none. :raises NotFound: no entry has that correlation id.
        """
        parsed = parse_point(point)
        if not isinstance(parsed, ByCorrelation):
            return parsed
        last = await self._journal.read(Query(correlation_id=parsed.id, limit=1, descending=True))
        if not last:
            msg = f"no entry has the correlation id {point[:80]!r}"
            raise NotFound(msg, hint="See `versiqii audit list`.")
        return ByPosition(last[0].position)

    async def content(self, key: str, revision: Revision) -> bytes:
        """The raw value that a revision had.

        :raises NotFound: it was a deletion, or the journal no longer keeps the value; then the hint says where it is.
        """
        raw = await self._journal.document(revision.digest) if revision.digest else None
        if raw is None:
            what = "the key was removed by it" if revision.digest is None else "the journal no longer keeps it"
            msg = f"revision {revision.revision} of {key!r} has no content: {what}"
            raise NotFound(msg, hint=await self._gone_where() if revision.digest else "")
        return raw

    async def _gone_where(self) -> str:
        """Where documents are that were let go of; empty when none ever was."""
        last = await self._journal.read(Query(type="DocumentsRetired", limit=1, descending=True))
        if not last:
            return ""
        place = json.loads(last[0].entry)["data"]["archive"]
        return f"Retention let past documents go, last at {last[0].time}: `versiqiid journal restore` from {place}."


def _check(key: str) -> None:
    if not k.is_desired(key):
        msg = f"key {key[:200]!r} is no desired key"
        raise InvalidKey(msg, hint="Keys are relative to the root, such as configs/<target>/<version>/<name>.")


def _unknown(key: str) -> NotFound:
    return NotFound(f"the journal knows no revision of {key!r}", hint="List what there is with `versiqii kv ls`.")


def _behind(found: Sequence[Recorded]) -> int:
    return found[-1].position + 1


def _position(token: str) -> int:
    if not token:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) <= _TOKEN_DIGITS_MAX):
        raise InvalidInput("page_token is none that was given out", hint="Give nextPageToken of the page before.")
    return int(token)

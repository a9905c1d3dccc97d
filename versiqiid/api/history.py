"""What a desired key was, when: its revisions, a past state, differences. No HTTP here, and nothing is written."""

from __future__ import annotations

import json

from versiqiid.api.entries import Revision, every, revision_of
from versiqiid.api.points import ByCorrelation, ByPosition, Place, at, parse_point
from versiqiid.core import keys as k
from versiqiid.errors import InvalidKey, NotFound
from versiqiid.ports import Journal, Query


class History:
    """Past states of desired keys, as the journal knows them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def revisions(self, key: str) -> tuple[Revision, ...]:
        """Every revision of a key, oldest first.

        :raises InvalidKey: not a desired key. :raises NotFound: the journal knows no such key.
        """
        if not k.is_desired(key):
            msg = f"key {key[:200]!r} is no desired key"
            raise InvalidKey(msg, hint="Keys are relative to the root, such as configs/<target>/<version>/<name>.")
        found = tuple([revision_of(entry) async for entry in every(self._journal, Query(key=key))])
        if not found:
            msg = f"the journal knows no revision of {key!r}"
            raise NotFound(msg, hint="List what there is with `versiqii kv ls`.")
        return found

    async def at(self, key: str, point: str) -> Revision:
        """The revision of a key at a point (see ``points.py``).

        :raises NotFound: the key has no revision there, or the point is unknown.
        """
        known = await self.revisions(key)
        found = at(known, await self.place(point))
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

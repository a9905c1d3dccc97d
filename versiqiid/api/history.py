"""What a config was, when, and back to it: history, a past state, differences, rollback. No HTTP here.

A rollback moves desired state forward to a new revision with the old content; nothing in the journal is ever changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from versiqiid.api.service import OPERATIONS_MAX, Service, Write, Written
from versiqiid.core import keys as k
from versiqiid.core.document import read
from versiqiid.core.patch import make_patch
from versiqiid.core.status import state_of
from versiqiid.engine.facts import Attribution, stream_of
from versiqiid.errors import InvalidInput, NotFound
from versiqiid.ports import Draft, Query, Recorded

ENTRIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a key. ``digest`` None = deleted by it."""

    revision: int
    time: str
    correlation_id: str
    digest: str | None
    type: str
    position: int

    def as_json(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "time": self.time,
            "correlationId": self.correlation_id,
            "digest": self.digest,
            "type": self.type,
            "position": self.position,
        }


@dataclass(frozen=True, slots=True)
class Move:
    """One key of a rollback plan: where it is and where it goes. ``to`` None = it did not exist then."""

    key: str
    now: Revision | None
    to: Revision | None

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "fromRevision": self.now.revision if self.now else None,
            "toRevision": self.to.revision if self.to else None,
            "fromDigest": self.now.digest if self.now else None,
            "toDigest": self.to.digest if self.to else None,
        }


class History:
    """Past states of desired keys, as the journal knows them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._journal = service.gate.journal

    async def revisions(self, key: str) -> tuple[Revision, ...]:
        """Every revision of a key, oldest first.

        :raises NotFound: the journal knows no such key.
        """
        found = [_revision(entry) for entry in await self._entries(key=key)]
        if not found:
            msg = f"the journal knows no revision of {key!r}"
            raise NotFound(msg, hint="Keys are relative to the root, such as configs/<target>/<version>/<name>.")
        return tuple(sorted(found, key=lambda revision: (revision.revision, revision.position)))

    async def at(self, key: str, point: str) -> Revision:
        """The revision of a key at a point: digits = revision; RFC 3339 = the last at or before it; anything else = just
        after the last entry of that correlation id.

        :raises NotFound: the key has no revision there, or the point is unknown.
        """
        found = await self._at(await self.revisions(key), point)
        if found is None:
            msg = f"{key!r} has no revision at {point[:80]!r}"
            raise NotFound(msg, hint="See `versiqii configs history`.")
        return found

    async def content(self, revision: Revision, key: str) -> bytes:
        """The raw value that a revision had.

        :raises NotFound: it was a deletion, or the journal no longer keeps the value.
        """
        raw = await self._journal.document(revision.digest) if revision.digest else None
        if raw is None:
            msg = f"revision {revision.revision} of {key!r} has no content"
            raise NotFound(msg)
        return raw

    async def diff(self, key: str, first: str, second: str) -> list[dict[str, Any]]:
        """The RFC 6902 patch that leads from one point to the other.

        :raises Unreadable: one of the two is no document.
        """
        one, other = await self.at(key, first), await self.at(key, second)
        return make_patch(read(await self.content(one, key)), read(await self.content(other, key)))

    async def plan(self, subject: str, point: str) -> tuple[Move, ...]:
        """What a rollback would move.

        :param subject: a desired key (a config, a binding, a version) or an environment path.
        :raises NotFound: nothing is known there at that point; nothing would be moved.
        """
        moves = [await self._move(key, point) for key in await self._subject_keys(subject)]
        if not any(move.to or move.now for move in moves):
            msg = f"nothing of {subject!r} is known at {point[:80]!r}"
            raise NotFound(msg)
        return tuple(moves)

    async def rollback(self, subject: str, point: str, *, by: Attribution) -> tuple[Written, tuple[Move, ...]]:
        """Move everything of the subject to a new revision with the content it had at that point, one
        transaction for each 128 keys.

        A config that has that content already is recorded too, and is not written.

        :raises NotFound: unknown point; nothing was moved. :raises Conflict: somebody else wrote; nothing was moved.
        """
        moves = await self.plan(subject, point)
        told = replace(by, type="ConfigRolledBack", data={"rollback": {"subject": subject, "to": point}})
        moved = [move for move in moves if _differs(move)]
        written = Written(0, by.correlation_id)
        for at in range(0, len(moved), OPERATIONS_MAX):
            writes = [await self._write(move) for move in moved[at : at + OPERATIONS_MAX]]
            written = await self._service.transact(writes, by=told)
        unmoved = [self._unmoved(move, told) for move in moves if not _differs(move) and _is_config(move.key)]
        if unmoved:
            await self._service.gate.append(unmoved)
        return written, moves

    def _unmoved(self, move: Move, by: Attribution) -> Draft:
        """A rollback of a config to what it holds already: recorded, though nothing is written."""
        revision, known = (move.now.revision, move.now.digest) if move.now else (0, None)
        data = {"key": move.key, "revision": revision, "digest": known, **dict(by.data or {})}
        where = {"index": revision, "key": move.key}
        return Draft("ConfigRolledBack", stream_of(move.key), data, by.actor, by.correlation_id, consul=where, git=by.git)

    async def _write(self, move: Move) -> Write:
        now = move.now.revision if move.now and move.now.digest else 0
        if move.to is None or move.to.digest is None:
            return Write("delete", move.key, None, now)
        return Write("set", move.key, await self.content(move.to, move.key), now)

    async def _move(self, key: str, point: str) -> Move:
        known = await self.revisions(key)
        then = await self._at(known, point)
        return Move(key, known[-1] if known else None, then)

    async def _subject_keys(self, subject: str) -> tuple[str, ...]:
        if is_key(subject):
            return (subject,)
        keys = [record.key for record in await self._journal.keys() if _is_of(record.key, subject)]
        if not keys:
            msg = f"{subject[:200]!r} is neither a desired key nor an environment with a version or a binding"
            raise NotFound(msg, hint="Name a config key such as configs/<target>/<version>/<name>, or prod/eu-fr.")
        return tuple(sorted({*keys, *await self._configs_of(subject)}))

    async def _configs_of(self, environment: str) -> set[str]:
        """The configs that the environment's bindings read now."""
        page = await self._service.list(f"status/{environment}/", page_size=ENTRIES_MAX)
        sources = [state_of(item.raw).get("source") for item in page.items]
        return {str(source["key"]) for source in sources if isinstance(source, dict) and source.get("key")}

    async def _at(self, known: Sequence[Revision], point: str) -> Revision | None:
        if point.isdigit():
            return next((revision for revision in known if revision.revision == int(point)), None)
        if _is_time(point):
            return next((revision for revision in reversed(known) if revision.time <= _utc(point)), None)
        entries = await self._entries(correlation_id=point)
        if not entries:
            msg = f"no entry has the correlation id {point[:80]!r}"
            raise NotFound(msg)
        last = max(entry.position for entry in entries)
        return next((revision for revision in reversed(known) if revision.position <= last), None)

    async def _entries(self, *, key: str | None = None, correlation_id: str | None = None) -> list[Recorded]:
        found: list[Recorded] = []
        start = 0
        while True:
            page = await self._journal.read(
                Query(start=start, limit=ENTRIES_MAX, key=key, correlation_id=correlation_id)
            )
            found += page
            if len(page) < ENTRIES_MAX:
                return found
            start = page[-1].position + 1


def is_key(subject: str) -> bool:
    """Whether a rollback's subject is one desired key rather than an environment path."""
    return k.is_desired(subject)


def _is_of(key: str, environment: str) -> bool:
    match k.parse(key):
        case k.VersionKey(place, _):
            return k.is_below(place, environment)
        case k.BindingKey(binding):
            return k.is_below(binding.environment, environment)
        case _:
            return False


def _is_config(key: str) -> bool:
    return isinstance(k.parse(key), k.ConfigKey)


def _differs(move: Move) -> bool:
    return (move.now.digest if move.now else None) != (move.to.digest if move.to else None)


def _revision(entry: Recorded) -> Revision:
    told = read(entry.entry)
    data = told["data"] if isinstance(told, dict) else {}
    if not isinstance(data, dict):
        msg = f"entry {entry.position} has no data"
        raise InvalidInput(msg)
    known = data.get("digest")
    return Revision(
        revision=int(str(data.get("revision", 0))),
        time=entry.time,
        correlation_id=entry.correlation_id,
        digest=known if isinstance(known, str) else None,
        type=entry.type,
        position=entry.position,
    )


def _is_time(point: str) -> bool:
    return len(point) >= 10 and point[:4].isdigit() and point[4] == "-"  # noqa: PLR2004 - at least a date


def _utc(point: str) -> str:
    """RFC 3339 text in the journal's own form, so that text order is time order.

    :raises InvalidInput: no time.
    """
    try:
        moment = datetime.fromisoformat(point)
    except ValueError as error:
        msg = f"{point[:80]!r} is no RFC 3339 time"
        raise InvalidInput(msg) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


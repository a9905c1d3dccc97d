"""Back to a past state: desired keys move forward to a new revision with old content. Nothing recorded is changed.

A plan is made first and needs nothing but reading; carrying it out writes over exactly what the plan saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from versiqiid.api.entries import Revision, data_of, every
from versiqiid.api.expectation import at as at_revision
from versiqiid.api.history import History
from versiqiid.api.points import ByPosition, ByRevision, Place, UntilRevision
from versiqiid.api.service import OPERATIONS_MAX, Service, Write, Written
from versiqiid.core import keys as k
from versiqiid.core.canonical import digest
from versiqiid.core.objects import read_binding
from versiqiid.engine.facts import Attribution, stream_of
from versiqiid.errors import Conflict, InvalidInput, NotFound
from versiqiid.operations import OPERATION_BYTES
from versiqiid.ports import Draft, Query

_NOTE_BYTES = 4_000
"""What the note of who writes takes, beside the keys that are removed. Arbitrary: it has at most three short texts."""

_REMOVALS = ("BindingRemoved", "TargetVersionRemoved", "ConfigDeleted")


@dataclass(frozen=True, slots=True)
class Move:
    """One key of a plan: where it is and where it goes.

    :ivar now_revision: 0 = it does not exist. :ivar to: None = it did not exist then, so it is removed.
    """

    key: str
    now_revision: int
    now_digest: str | None
    to: Revision | None

    @property
    def to_digest(self) -> str | None:
        return self.to.digest if self.to else None

    @property
    def differs(self) -> bool:
        return self.now_digest != self.to_digest

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "fromRevision": self.now_revision or None,
            "toRevision": self.to.revision if self.to else None,
            "fromDigest": self.now_digest,
            "toDigest": self.to_digest,
        }


class Rollback:
    """Plans moves back and carries them out."""

    def __init__(self, service: Service, history: History) -> None:
        self._service = service
        self._history = history
        self._journal = service.gate.journal

    async def plan(self, subject: str, point: str) -> tuple[Move, ...]:
        """What a rollback would move.

        :param subject: a desired key (a config, a binding, a version) or an environment path.
        :raises NotFound: nothing is known there at that point.
        :raises InvalidInput: a config that an imported tree acts as; in an environment such configs are left out.
        """
        place = await self._history.place(point)
        if k.is_desired(subject):
            move = await self._moved(subject, await self._history.at(subject, point))
            if await self._is_elsewhere(move):
                msg = f"{subject!r} is not in this store: an imported tree acts as it"
                raise InvalidInput(msg, hint="Change the tree that it is imported from.")
            return (move,)
        moves = await self._environment(subject, place)
        there = any(move.to_digest for move in moves)
        if not there or (isinstance(place, ByRevision) and not await self._is_revision(moves, place)):
            msg = f"nothing of {subject[:200]!r} is known at {point[:80]!r}"
            raise NotFound(msg, hint="See `versiqii audit list` for revisions, times and correlation ids.")
        return moves

    async def plan_undo(self, correlation_id: str) -> tuple[Move, ...]:
        """What would be moved to undo everything that was done under one correlation id.

        Undoing that was cut short is gone on with: what it has moved already is left out.

        :raises NotFound: nothing desired was changed under it.
        :raises Conflict: somebody changed one of its keys afterwards; undoing would lose that.
        """
        first: dict[str, int] = {}
        async for entry in every(self._journal, Query(correlation_id=correlation_id)):
            key = data_of(entry).get("key")
            if isinstance(key, str) and k.is_desired(key) and "revision" in data_of(entry):
                first.setdefault(key, entry.position)
        moves = []
        for key, position in sorted(first.items()):
            later = self._history.each(key, start=position + 1)
            after = [revision async for revision in later if revision.correlation_id != correlation_id]
            foreign = _standing([revision for revision in after if revision.undoes != correlation_id])
            if foreign:
                raise _changed_since(key, correlation_id, foreign[0])
            move = await self._moved(key, await self._history.standing(key, ByPosition(position - 1)))
            if move.differs or not after:
                moves.append(move)
        if not first:
            msg = f"nothing that can be undone has the correlation id {correlation_id[:80]!r}"
            raise NotFound(msg, hint="See `versiqii audit list --correlation ID`.")
        return tuple(moves)

    async def carry_out(self, moves: Sequence[Move], *, by: Attribution, told: dict[str, Any]) -> Written:
        """Move everything, in one transaction where the store can carry it. A config that has its content already is
        recorded too, and is not written.

        :param told: what the entries say about the rollback.
        :raises Conflict: somebody else wrote since the plan was made; what is not moved yet is not moved, and the
            message says how much was.
        """
        by = replace(by, type="ConfigRolledBack", data={**(by.data or {}), "rollback": told})
        written, done = Written(0, by.correlation_id), 0
        writes = [await self._write(move) for move in moves if move.differs]
        for batch in self._batches(writes):
            try:
                written = await self._service.transact(batch, by=by)
            except Conflict as conflict:
                raise _cut_short(conflict, done, len(writes)) from conflict
            done += len(batch)
        unmoved = [_recorded_only(move, by) for move in moves if not move.differs and _is_config(move.key)]
        if unmoved:
            await self._service.gate.append(unmoved)
        return written

    def _batches(self, writes: Sequence[Write]) -> Iterator[list[Write]]:
        limits = self._service.store.limits
        # One is left for the note that says who writes: without it whoever leads could take the move for a plain write.
        count_max = min(OPERATIONS_MAX, limits.operations_max - 1)
        batch: list[Write] = []
        size = _NOTE_BYTES
        for write in writes:
            needs = len(write.raw or b"") * 4 // 3 + 3 * len(write.key) + 2 * OPERATION_BYTES  # a removed key is noted
            if batch and (len(batch) == count_max or size + needs > limits.transaction_bytes_max):
                yield batch
                batch, size = [], _NOTE_BYTES
            batch.append(write)
            size += needs
        if batch:
            yield batch

    async def _write(self, move: Move) -> Write:
        expect = at_revision(move.now_revision)
        if move.to is None or move.to.digest is None:
            return Write("delete", move.key, None, expect)
        return Write("set", move.key, await self._history.content(move.key, move.to), expect)

    async def _move(self, key: str, place: Place) -> Move:
        place = UntilRevision(place.revision) if isinstance(place, ByRevision) else place
        return await self._moved(key, await self._history.standing(key, place))

    async def _moved(self, key: str, to: Revision | None) -> Move:
        try:
            now = await self._service.get(key)
        except NotFound:
            return Move(key, 0, None, to)
        return Move(key, now.revision, digest(now.raw), to)

    # ------------------------------------------------------------------------------------------ whole environments

    async def _environment(self, environment: str, place: Place) -> tuple[Move, ...]:
        own = sorted(await self._keys_of(environment))
        if not own:
            msg = f"{environment[:200]!r} is neither a desired key nor an environment with a version or a binding"
            raise NotFound(msg, hint="Name a config key such as configs/<target>/<version>/<name>, or prod/eu-fr.")
        moves = {key: await self._move(key, place) for key in own}
        read_there = await self._read_there(environment, moves)
        for key in sorted(await self._configs(read_there)):
            move = await self._move(key, place)
            if not await self._is_elsewhere(move):
                moves[key] = move
        return tuple(move for move in moves.values() if move.now_digest or move.to_digest)

    async def _is_elsewhere(self, move: Move) -> bool:
        """Whether the journal knows the key as it is now, and the store has none: a tree elsewhere acts as it. Written
        here, it would stand beside the tree.
        """
        if move.now_digest is not None:
            return False
        return any(record.key == move.key for record in await self._journal.keys(move.key))

    async def _keys_of(self, environment: str) -> set[str]:
        """Every version and binding key at or below the environment that ever was."""
        found: set[str] = set()
        for room in ("envs", "bindings"):
            prefix = f"{room}/{environment}/"
            found |= {record.key for record in await self._journal.keys(prefix)}
            found |= {key for key in await self._removed() if key.startswith(prefix)}
        return {key for key in found if _environment_of(key) is not None}

    async def _removed(self) -> set[str]:
        """Every key that was removed at some time."""
        found: set[str] = set()
        for kind in _REMOVALS:
            found |= {str(data_of(entry).get("key")) async for entry in every(self._journal, Query(type=kind))}
        return found

    async def _read_there(self, environment: str, moves: dict[str, Move]) -> set[tuple[str, str]]:
        """Target and name of each config that is read in the environment once its bindings are as they were."""
        found: set[tuple[str, str]] = set()
        running: set[str] = set()
        for key, move in moves.items():
            meaning = k.parse(key)
            if move.to is None or move.to.digest is None:
                continue
            if isinstance(meaning, k.BindingKey):
                raw = await self._history.content(key, move.to)
                found.add((meaning.id.target, _config_name(meaning.id, raw)))
            elif isinstance(meaning, k.VersionKey):
                running.add(meaning.target)
        return found | await self._inherited(environment, running)

    async def _inherited(self, environment: str, running: set[str]) -> set[tuple[str, str]]:
        """The same for bindings above the environment, of targets that have a version of their own in it."""
        found: set[tuple[str, str]] = set()
        for ancestor in list(k.lineage(environment))[1:]:
            for record in await self._journal.keys(f"bindings/{ancestor}/"):
                meaning = k.parse(record.key)
                if not isinstance(meaning, k.BindingKey) or meaning.id.environment != ancestor:
                    continue
                if meaning.id.target in running:
                    raw = await self._journal.document(record.digest) or b""
                    found.add((meaning.id.target, _config_name(meaning.id, raw)))
        return found

    async def _configs(self, wanted: set[tuple[str, str]]) -> set[str]:
        """The config keys of these targets and names that are or ever were."""
        known = {record.key for record in await self._journal.keys("configs/")} | await self._removed()
        parsed = ((key, k.parse(key)) for key in known)
        return {key for key, of in parsed if isinstance(of, k.ConfigKey) and (of.target, of.name) in wanted}

    async def _is_revision(self, moves: Sequence[Move], place: ByRevision) -> bool:
        """Whether one of these keys ever was written at exactly this revision."""
        for move in moves:
            if await self._history.standing(move.key, place) is not None:
                return True
        return False


def _environment_of(key: str) -> str | None:
    match k.parse(key):
        case k.VersionKey(place, _):
            return place
        case k.BindingKey(binding):
            return binding.environment
        case _:
            return None


def _config_name(binding: k.BindingId, raw: bytes) -> str:
    """Which config a binding reads; the one of its own name when it cannot be read."""
    try:
        return read_binding(raw).config or binding.name
    except InvalidInput:
        return binding.name


def _is_config(key: str) -> bool:
    return isinstance(k.parse(key), k.ConfigKey)


def _recorded_only(move: Move, by: Attribution) -> Draft:
    """A rollback of a config to what it holds already: recorded, though nothing is written."""
    data = {"key": move.key, "revision": move.now_revision, "digest": move.now_digest, **dict(by.data or {})}
    where = {"index": move.now_revision, "key": move.key}
    return Draft("ConfigRolledBack", stream_of(move.key), data, by.actor, by.correlation_id, consul=where, git=by.git)


def _standing(revisions: Sequence[Revision]) -> list[Revision]:
    """Those of a key's revisions, oldest first, that nobody has undone since."""
    standing: list[Revision] = []
    for revision in revisions:
        left = [one for one in standing if one.correlation_id != revision.undoes]
        standing = left if len(left) < len(standing) else [*standing, revision]
    return standing


def _cut_short(conflict: Conflict, done: int, total: int) -> Conflict:
    """A conflict that came when some of the keys had been moved already."""
    if not done:
        return conflict
    return Conflict(
        f"{conflict.message}; {done} of {total} keys had been moved before",
        key=conflict.key,
        expected=conflict.expected,
        found=conflict.found,
        hint="Ask for the same again: it goes on with the keys that are left, over what they hold then.",
    )


def _changed_since(key: str, correlation_id: str, later: Revision) -> Conflict:
    return Conflict(
        f"{key!r} was changed after {correlation_id[:80]!r}, at revision {later.revision}; nothing was moved",
        key=key,
        expected=0,
        found=later.revision,
        hint=f"Undo {later.correlation_id} first, or move the key alone: versiqii rollback {key} --to REVISION.",
    )

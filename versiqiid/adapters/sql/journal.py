"""``ports.Journal`` over any ``Database``: one writer, one reader, tails that wake, checkpoints that only extend.

Which database, which tables and which guards is decided by whoever opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import ClassVar, Self, TypeVar

import anyio
from anyio import to_thread

from versiqiid.adapters.sql import backup, queries, rebuild, retention, signing, stretch, transfer, writes
from versiqiid.adapters.sql.commits import Job, Writer, append_job, intend_job
from versiqiid.adapters.sql.database import Database
from versiqiid.adapters.sql.operations import Append, Intend
from versiqiid.adapters.sql.rebuild import Rebuilt
from versiqiid.adapters.sql.retention import OnlyHistory
from versiqiid.adapters.sql.transfer import Content, Standing
from versiqiid.core import merkle
from versiqiid.core.audit_range import StretchFound
from versiqiid.errors import Conflict, InvalidInput
from versiqiid.ports import Draft, Intent, IntentId, KeyRecord, Query, Recorded, Signer

POLL_S = 0.25
"""How long an entry of *another* process may stay unnoticed by a tail; our own wake it at once."""

_SIGN_ATTEMPTS = 5
T = TypeVar("T")


class SqlJournal:
    """See ``ports.Journal``; opened by ``SqliteJournal.open`` or ``PostgresJournal.open``, closed by ``aclose``.

    Belongs to one event loop. Any number of tasks may use it, and other processes the same database.
    """

    VERSION_QUERY: ClassVar[str]
    FORMAT: ClassVar[int | str]

    def __init__(
        self,
        writer: Database,
        reader: Database,
        *,
        clock: Callable[[], float],
        origin: str,
        stretch: Callable[[int, int, Sequence[int]], StretchFound],
    ) -> None:
        """:param writer: a connection that is used for nothing else; ``reader`` likewise, so that reads never wait.

        :param stretch: checks a stretch on a connection that it opens; can be sent to another process.
        """
        self._stretch = stretch
        self._writer = Writer(writer, clock)
        self._reader = reader
        self._reading = anyio.CapacityLimiter(1)
        self._origin = origin
        self._grown = anyio.Event()
        self._told = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Finish what is under way and close both connections; closing again is done already."""
        with anyio.CancelScope(shield=True):
            await self._writer.aclose()
            await to_thread.run_sync(self._reader.close, limiter=self._reading)

    @property
    def origin(self) -> str:
        return self._origin

    # ------------------------------------------------------------------------------------------------------ entries

    async def append(
        self, drafts: Sequence[Draft], *, settles: IntentId | None = None, epoch: int | None = None
    ) -> tuple[Recorded, ...]:
        """See ``ports.Journal.append``.

        A draft that says a key is gone when the journal already knows it gone is skipped; if it never knew the key, no
        entry stands for the draft and the answer is that much shorter.

        :raises InvalidInput: a draft that cannot be recorded, ``TooLarge`` one that cannot be shortened enough.
        :raises NotFound: ``settles`` names no intent; ``Refused``: one that is superseded.
        """
        operation = Append.of(drafts, settles, epoch)
        if not drafts and settles is None:
            return ()
        try:
            return await self._writer.submit(append_job(operation))
        finally:
            self._wake()

    async def size(self) -> int:
        return (await self._read(queries.head)).size

    async def read(self, query: Query) -> tuple[Recorded, ...]:
        """See ``ports.Query``.

        :raises InvalidInput: a limit outside 1 to 10,000, or a time that is not RFC 3339.
        """
        return await self._read(lambda db: queries.read(db, query))

    async def wait_beyond(self, position: int) -> None:
        while True:
            grown = self._grown
            if self._writer.size > position or await self.size() > position:
                return
            with anyio.move_on_after(POLL_S):
                await grown.wait()

    async def document(self, digest: str) -> bytes | None:
        return await self._read(lambda db: queries.document(db, digest))

    async def documents(self, after: str = "", limit: int = 100) -> tuple[tuple[str, bytes], ...]:
        """Kept documents with their digests, in the order of digests, from the one behind ``after``."""
        return await self._read(lambda db: queries.documents(db, after, limit))

    async def document_names(self, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        """Digests of kept documents in their order, from the one behind ``after``."""
        return await self._read(lambda db: transfer.document_names(db, after, limit))

    async def keys(self, prefix: str = "") -> tuple[KeyRecord, ...]:
        return await self._read(lambda db: queries.keys(db, prefix))

    # ----------------------------------------------------------------------------------------- intents, epochs, outbox

    async def intend(self, intent: Intent) -> None:
        """See ``ports.Journal.intend``. The same intent again, while it is open, is done already.

        :raises InvalidInput: a draft that could not be recorded at settlement.
        :raises Refused: an intent of that id is closed.
        """
        await self._writer.submit(intend_job(Intend.of(intent)))

    async def open_intents(self) -> tuple[Intent, ...]:
        return await self._read(queries.open_intents)

    async def supersede(self, intent: IntentId) -> None:
        """See ``ports.Journal.supersede``.

        :raises NotFound: no such intent; ``Refused``: it is settled.
        """
        job: Job[None] = Job(lambda ledger, _: ledger.supersede(intent), lambda needs: needs.intents.add(intent))
        await self._writer.submit(job)

    async def next_epoch(self) -> int:
        return await self._writer.submit(Job(lambda ledger, _: ledger.next_epoch()))

    async def outbox_position(self, sink: str) -> int:
        return await self._read(lambda db: queries.outbox_position(db, sink))

    async def advance_outbox(self, sink: str, position: int) -> None:
        """See ``ports.Journal.advance_outbox``.

        :raises InvalidInput: a position beyond the last entry.
        """

        def work(db: Database) -> None:
            size = queries.head(db).size
            if not 0 <= position <= size:
                raise InvalidInput(f"outbox position {position} of {sink}: expected 0 to {size}")
            if position > queries.outbox_position(db, sink):
                writes.advance_outbox(db, sink, position)

        await self._writer.exclusively(work)

    # ------------------------------------------------------------------------------------------------- checkpoints

    async def checkpoint(self) -> bytes | None:
        last = await self._read(queries.last_checkpoint)
        return None if last is None else last[1]

    async def checkpoints(self) -> tuple[bytes, ...]:
        """Every checkpoint that was ever released, oldest first."""
        return await self._read(queries.checkpoints)

    async def last_checkpoint(self) -> tuple[int, bytes] | None:
        """Sequence number and note of the newest checkpoint."""
        return await self._read(queries.last_checkpoint)

    async def checkpoint_rows(self, sequences: Sequence[int]) -> tuple[tuple[int, bytes], ...]:
        """Sequence number and note of these checkpoints, as far as they are there, ascending."""
        return await self._read(lambda db: queries.checkpoint_rows(db, sequences))

    async def sign_checkpoint(self, signer: Signer) -> bytes:
        """See ``ports.Journal.sign_checkpoint``. With nothing new since the last one by this key, that one.

        The checkpoint is kept before it is returned, and only if no other was kept meanwhile: no two that are released
        can contradict each other, whatever number of processes signs.

        :raises InvalidInput: the signer signs under another name than the journal's origin.
        """
        if signer.name != self._origin:
            raise InvalidInput(f"the signer calls itself {signer.name}, the journal {self._origin}")
        for _ in range(_SIGN_ATTEMPTS):
            plan = await self._read(lambda db: signing.plan(db, self._origin, signer.vkey))
            if plan.released is not None:
                return plan.released
            note = signing.note_of(plan.checkpoint, signer.vkey, await signer.sign(plan.checkpoint.text()))
            if await self._writer.exclusively(lambda db, p=plan, n=note: signing.keep(db, p, n)):  # type: ignore[misc]
                return note
        raise Conflict(
            f"checkpoints of {self._origin}: others were faster {_SIGN_ATTEMPTS} times",
            key="checkpoint",
            expected=plan.sequence,
            found=None,
        )

    async def keep_cosigned(self, note: bytes) -> bool:
        """Keep the newest checkpoint with more signatures than it had; False when there is a newer one by now.

        :raises JournalRefused: ``format``: no signed note.
        :raises Refused: not the newest checkpoint, or fewer signatures.
        """
        return await self._writer.exclusively(lambda db: signing.keep_cosigned(db, note))

    # ------------------------------------------------------------------------------------------------------ the tree

    async def tree_hashes(self, level: int, start: int, stop: int) -> tuple[bytes, ...]:
        """Stored nodes of one tile level (``256**level`` leaves each)."""
        return tuple(await self._read(lambda db: queries.hashes(db, level, start, stop)))

    @property
    def stretch(self) -> Callable[[int, int, Sequence[int]], StretchFound]:
        """``check_stretch`` on a connection of its own, for a process of its own."""
        return self._stretch

    async def check_stretch(self, start: int, stop: int, marks: Sequence[int]) -> StretchFound:
        """Check the entries from ``start`` (a multiple of 256) up to ``stop``; see ``core.audit_range``."""
        return await self._read(lambda db: stretch.check(db, start, stop, marks))

    async def root(self, size: int) -> bytes:
        """The root over the first ``size`` entries, from stored nodes."""
        return await self._read(lambda db: merkle.root(size, queries.tree(db)))

    async def inclusion_proof(self, position: int, size: int) -> tuple[bytes, ...]:
        """The path from an entry to the root over the first ``size`` entries, from stored nodes."""
        return await self._read(lambda db: merkle.inclusion_proof(position, size, queries.tree(db)))

    async def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """That the tree of ``new`` entries begins with the one of ``old`` (at least 1), from stored nodes."""
        return await self._read(lambda db: merkle.consistency_proof(old, new, queries.tree(db)))

    async def rebuild(self, *, repair: bool = False) -> Rebuilt:
        """Recompute every projection from the entries' bytes alone and compare it with what is stored.

        :param repair: first put the projections right, in one transaction; entries and hashes are never touched.
        :raises JournalRefused: the first difference; see ``adapters.sql.rebuild``.
        """
        if repair:
            await self._writer.exclusively(rebuild.repair)
        return await self._read(rebuild.compare)

    async def standing(self) -> Standing:
        """What no entry tells, for an archive to keep beside them."""
        return await self._read(transfer.standing)

    async def fill(
        self,
        entries: Iterable[bytes],
        documents: Iterable[tuple[str, bytes]] | None,
        checkpoints: Sequence[bytes],
        *,
        epoch: int,
        outbox: Mapping[str, int],
    ) -> None:
        """Fill this empty journal, all or nothing; see ``adapters.sql.transfer.fill``."""
        content = Content(entries, documents, checkpoints, Standing(epoch, outbox))
        await self._writer.exclusively(lambda db: transfer.fill(db, content))

    async def copy_into(self, other: SqlJournal) -> None:
        """Fill another journal, which is empty, with all that this one holds now; see ``adapters.sql.backup.copy``."""
        async with self._reading:
            await other._writer.exclusively(self._copy)

    def _copy(self, target: Database) -> None:
        try:
            backup.copy(self._reader, target)
        except self._reader.failures as error:
            raise self._reader.failure(error, committing=False) from error

    async def only_history(self, before: str, start: int = 0) -> OnlyHistory:
        """Documents that only entries older than ``before`` speak of; see ``adapters.sql.retention.only_history``."""
        return await retention.only_history(self._read, before, start)

    async def let_go(self, old: OnlyHistory, fact: Callable[[int], Draft], now: str, limit: int) -> int:
        """Let go of a batch of them and record it, in one commit; see ``adapters.sql.retention.let_go``.

        :raises Refused: the database was made without the means for it; nothing was changed.
        """
        return await self._writer.exclusively(lambda db: retention.let_go(db, old, fact, now, limit))

    async def missing_documents(self) -> int:
        """How many keys have a present value that is not kept."""
        return await self._read(queries.missing_documents)

    async def missing_guards(self) -> tuple[str, ...]:
        """The guards against change that the database lacks, by name; empty when all are there."""
        return await self._read(lambda db: db.guards())

    async def versions(self) -> tuple[str, str]:
        """The version of the database, and the format of our tables in it, which is the one this program knows."""
        ((version,),) = await self._read(lambda db: db.query(self.VERSION_QUERY))
        return str(version), str(self.FORMAT)

    # -------------------------------------------------------------------------------------------------------- inside

    async def _read(self, question: Callable[[Database], T]) -> T:
        return await to_thread.run_sync(self._ask, question, limiter=self._reading)

    def _ask(self, question: Callable[[Database], T]) -> T:
        try:
            return question(self._reader)
        except self._reader.failures as error:
            raise self._reader.failure(error, committing=False) from error

    def _wake(self) -> None:
        if self._writer.size > self._told:
            self._told = self._writer.size
            self._grown.set()
            self._grown = anyio.Event()

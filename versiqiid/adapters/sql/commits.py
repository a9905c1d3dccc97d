"""Group commit: operations that wait while one commit is under way share the next one, so many share one fsync.

Each operation still gets its own answer, all or nothing. There is no task in the background: whoever finds the writer
free carries everybody's operations through, in the writer's one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import anyio
from anyio import to_thread

from versiqiid.adapters.sql import queries, writes
from versiqiid.adapters.sql.database import Database
from versiqiid.adapters.sql.ledger import Ledger
from versiqiid.adapters.sql.operations import Append, Intend, Needs
from versiqiid.core.merkle import Builder
from versiqiid.core.times import rfc3339
from versiqiid.errors import VersiqiiError
from versiqiid.ports import Recorded

QUEUE_MAX = 1024
"""Operations that may wait; whoever comes then waits outside. Arbitrary: about two commits' worth at most."""

BATCH_MAX = 512
"""Operations in one commit; arbitrary, so that the first one's answer is not held up for long."""

T = TypeVar("T")


class Job(Generic[T]):
    """One operation and, later, its answer.

    :ivar needs: what must be read before it can be decided.
    :ivar decide: what it does to a ledger; it changes nothing there when it raises.
    """

    __slots__ = ("_answer", "_error", "decide", "done", "needs")

    def __init__(self, decide: Callable[[Ledger, str], T], needs: Callable[[Needs], None] | None = None) -> None:
        self.decide = decide
        self.needs = needs
        self.done = False
        self._answer: T | None = None
        self._error: BaseException | None = None

    def answer(self, value: T) -> None:
        self._answer, self.done = value, True

    def fail(self, error: BaseException) -> None:
        self._error, self.done = error, True

    def result(self) -> T:
        """The answer, or the error raised."""
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]


class Writer:
    """The only one who writes through its connection: one thread at a time, one transaction at a time."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        """:param clock: seconds since the epoch; asked once for each operation, in the writer's thread."""
        self._db = db
        self._clock = clock
        self._edge: Builder | None = None
        self._pending: deque[Job[Any]] = deque()
        self._room = anyio.Semaphore(QUEUE_MAX)
        self._turn = anyio.Lock()
        self._thread = anyio.CapacityLimiter(1)
        self.size = 0
        """Entries that are known to be committed; another process may have added more."""

    async def submit(self, job: Job[T]) -> T:
        """Carry one operation through and return its answer.

        Cancelled while it waits, it has not happened; cancelled while its commit is under way, it may have.
        """
        async with self._room:
            self._pending.append(job)
            try:
                async with self._turn:
                    while not job.done:
                        await to_thread.run_sync(self._commit_pending, limiter=self._thread)
            except BaseException:
                with suppress(ValueError):  # the writer's thread has taken it already
                    self._pending.remove(job)
                raise
        return job.result()

    async def exclusively(self, work: Callable[[Database], T]) -> T:
        """Run something between two commits, in the writer's thread, in a transaction of its own."""
        async with self._turn:
            return await to_thread.run_sync(self._run, work, limiter=self._thread)

    async def aclose(self) -> None:
        """Let what is under way finish, then close the connection."""
        with anyio.CancelScope(shield=True):
            async with self._turn:
                await to_thread.run_sync(self._db.close, limiter=self._thread)

    # ----------------------------------------------------------------------------------------- in the writer's thread

    def _commit_pending(self) -> None:
        batch: list[Job[Any]] = []
        while self._pending and len(batch) < BATCH_MAX:
            batch.append(self._pending.popleft())
        if batch:
            self._carry(batch)

    def _carry(self, batch: list[Job[Any]]) -> None:
        """Give every operation its answer. One that takes the others with it into failure is left to stand alone."""
        try:
            self._commit(batch)
        except VersiqiiError as error:  # the answer to the commit was lost: never a second time
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001 (raised again where the callers wait)
            of_database = isinstance(error, self._db.failures)
            if len(batch) > 1 and not (of_database and not self._db.is_refusal(error)):
                for job in batch:
                    self._carry([job])
                return
            failure = self._db.failure(error, committing=False) if of_database else error
            failure.__cause__ = error if of_database else error.__cause__
            self._fail(batch, failure)

    @staticmethod
    def _fail(batch: list[Job[Any]], error: BaseException) -> None:
        for job in batch:
            job.fail(error)

    def _commit(self, batch: list[Job[Any]]) -> None:
        """Decide and write a batch; answers are given only after the commit."""
        answers: list[tuple[Job[Any], Any]] = []
        refused: list[tuple[Job[Any], VersiqiiError]] = []

        def work(db: Database) -> tuple[Builder, int]:
            needs = Needs()
            for job in batch:
                if job.needs is not None:
                    job.needs(needs)
            known = queries.known(db, needs)
            before = known.head
            ledger = Ledger(known)
            for job in batch:
                try:
                    answers.append((job, job.decide(ledger, rfc3339(self._clock()))))
                except VersiqiiError as error:
                    refused.append((job, error))
            return writes.write(db, ledger, before, self._edge), ledger.head.size

        try:
            self._edge, self.size = self._transaction(work)
        except BaseException:
            self._edge = None
            raise
        for job, answer in answers:
            job.answer(answer)
        for job, error in refused:
            job.fail(error)

    def _transaction(self, work: Callable[[Database], T]) -> T:
        """Run the work and commit it; when the answer to the commit is lost, it may have happened."""
        self._db.begin()
        try:
            value = work(self._db)
        except BaseException:
            self._db.rollback()
            raise
        try:
            self._db.commit()
        except self._db.failures as error:
            self._db.rollback()
            raise self._db.failure(error, committing=True) from error
        return value

    def _run(self, work: Callable[[Database], T]) -> T:
        try:
            return self._transaction(work)
        except self._db.failures as error:
            raise self._db.failure(error, committing=False) from error


def append_job(operation: Append) -> Job[tuple[Recorded, ...]]:
    """An append as a job."""
    return Job(lambda ledger, now: ledger.append(operation, now), operation.needs)


def intend_job(operation: Intend) -> Job[None]:
    """An intent as a job."""
    return Job(lambda ledger, _: ledger.intend(operation), operation.needs)

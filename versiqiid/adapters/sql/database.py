"""What a journal needs from a database: a few synchronous verbs, used from one thread at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from versiqiid.errors import VersiqiiError
from versiqiid.ports import Recorded

Row = tuple[Any, ...]
Failures = tuple[type[Exception], ...]


class Database(Protocol):
    """One connection. Statements have ``?`` for each value, and no other question mark or percent sign."""

    place: str
    """What errors call it: a path, or an address without credentials."""

    failures: Failures
    """What the driver raises."""

    def query(self, sql: str, *values: object) -> list[Row]:
        """The rows of one statement."""
        ...

    def ask(self, questions: Sequence[tuple[str, Sequence[object]]]) -> list[list[Row]]:
        """The rows of several statements, with their values, in as few round trips as can be."""
        ...

    def run(self, statements: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> None:
        """Each statement once for each of its rows, in order, in as few round trips as can be."""
        ...

    def begin(self) -> None:
        """Start a transaction that no other writer of this journal can run beside, on any connection."""
        ...

    def begin_reading(self) -> None:
        """Start a transaction in which everything read is of one moment; writers go on meanwhile."""
        ...

    def commit(self) -> None:
        """Durable on return."""
        ...

    def rollback(self) -> None:
        """Undo what the transaction did. Never raises: a connection that is gone has undone it."""
        ...

    def hand_over(self, entries: Sequence[Recorded]) -> None:
        """Put entries, just written in the transaction that is open, where another program relays them from.

        Nothing is done where there is no such place.
        """
        ...

    def let_go(self, digests: Sequence[str]) -> None:
        """Delete kept documents in the transaction that is open, in which ``DocumentsRetired`` was just appended.

        The guard against it is lifted for these statements alone: it is there again when the transaction ends.

        :raises Refused: the database was made without the means for it.
        """
        ...

    def guards(self) -> tuple[str, ...]:
        """The names of the guards against change that are missing or not as they were made."""
        ...

    def failure(self, error: Exception, *, committing: bool) -> VersiqiiError:
        """The driver's error as one of ours.

        :param committing: whether the answer to a commit was lost, so that it may have happened.
        """
        ...

    def is_refusal(self, error: Exception) -> bool:
        """Whether a constraint or a guard said no: one operation's fault, not the connection's."""
        ...

    def close(self) -> None:
        """Let go of the connection; once closed, closing is done already."""
        ...

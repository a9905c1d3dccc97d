"""What lies beside a journal and can be thrown away at any time: no entry, no proof and no decision depends on it.

Here is only what its tables need from a database. Which file or schema that is, the two SQL adapters say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from versiqiid.adapters.sql.database import Row

T = TypeVar("T")


class Tables(Protocol):
    """One transaction. Statements have ``?`` for each value, and no other question mark or percent sign."""

    def query(self, sql: str, *values: object) -> list[Row]:
        """The rows of one statement."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """The statement once for each row."""
        ...


class Side(Protocol):
    """The tables, and one transaction at a time on them."""

    async def run(self, work: Callable[[Tables], T]) -> T:
        """Do the work in a worker thread, all or nothing.

        :raises Unavailable: the database does not answer; nothing is known to be written.
        :raises Refused: there are no such tables, and they cannot be made from here.
        """
        ...

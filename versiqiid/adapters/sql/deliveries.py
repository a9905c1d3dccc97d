"""What Kafka said of each delivery: topic, partition and offset by journal position. Beside the journal, not in it.

A repeated delivery takes the place of the one before: both lie in the topic, and the newest is kept longest there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from versiqiid.adapters.sql.side import Side, Tables
from versiqiid.core.delivery import Delivery

_CHUNK = 500
_KEEP = (
    "INSERT INTO deliveries (sink, position, topic, partition_number, partition_offset) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (sink, position, topic) DO UPDATE SET"
    " partition_number = excluded.partition_number, partition_offset = excluded.partition_offset"
)
_OF = (
    "SELECT position, topic, partition_number, partition_offset FROM deliveries"
    " WHERE sink = ? AND position IN ({}) ORDER BY position, topic"
)


class SqlDeliveries:
    """Keeps deliveries and tells them."""

    def __init__(self, side: Side) -> None:
        self._side = side

    async def keep(self, sink: str, deliveries: Sequence[Delivery]) -> None:
        """Keep these.

        :param sink: the journal's name and the sink's: positions of another journal mean other entries.
        :raises Unavailable: the database does not answer. :raises Refused: there are no such tables.
        """
        rows = [(sink, d.position, d.topic, d.partition, d.offset) for d in deliveries]
        if rows:
            await self._side.run(lambda db: db.many(_KEEP, rows))

    async def of(self, sink: str, positions: Sequence[int]) -> tuple[Delivery, ...]:
        """What is known of these entries, by position and topic.

        :raises Unavailable: the database does not answer. :raises Refused: there are no such tables.
        """

        def ask(db: Tables) -> Iterator[Delivery]:
            for start in range(0, len(positions), _CHUNK):
                part = positions[start : start + _CHUNK]
                for row in db.query(_OF.format(", ".join("?" * len(part))), sink, *part):
                    yield Delivery(*row)

        return await self._side.run(lambda db: tuple(ask(db)))

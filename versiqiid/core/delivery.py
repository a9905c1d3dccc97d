"""Where an event of an entry came to lie, as the broker acknowledged it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """One acknowledged message.

    :ivar position: of the entry in the journal.
    """

    position: int
    topic: str
    partition: int
    offset: int

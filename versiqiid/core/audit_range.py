"""One stretch of a log checked by itself, so that many can be checked at once and in any order.

A stretch begins where a tile begins, so the hashes of its tiles do not depend on what is before it. What does (times,
the revisions of streams, roots) is told at its edges, and ``core/audit.py`` joins the stretches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from versiqiid.core import journal, merkle
from versiqiid.errors import JournalRefused

Row = tuple[bytes, bytes, journal.Columns | None]
"""An entry, the leaf hash that is stored for it, and the columns beside it where there are any."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why reading stopped, and at which position. As ``JournalRefused`` takes it: a process cannot send one."""

    position: int
    fault: str
    place: str
    message: str

    def refusal(self) -> JournalRefused:
        """The error to raise."""
        text = self.message.removeprefix(f"refused: {self.fault} at {self.place}: ")
        return JournalRefused(self.fault, self.place, text)


@dataclass(slots=True)
class StretchFound:
    """What a stretch says of itself.

    :ivar stop: the position after the last entry that was read.
    :ivar parents: roots of its complete tiles of entries.
    :ivar tails: for each mark that is no multiple of 256, the root over the entries after the last tile before it.
    :ivar streams: by name the first position in this stretch, the revision there, and the last revision.
    :ivar leaf_fault: the first position whose stored hash is not its entry's.
    """

    start: int
    stop: int
    parents: list[bytes] = field(default_factory=list)
    tails: dict[int, bytes] = field(default_factory=dict)
    streams: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    first_time: str = ""
    last_time: str = ""
    leaf_fault: int | None = None
    fault: Fault | None = None


def check_stretch(start: int, rows: Iterable[Row], marks: Sequence[int]) -> StretchFound:
    """Check entries in order; it never raises for what they say, but ends at the first fault and tells it.

    :param start: the position of the first; a multiple of 256.
    :param rows: no more than are to be checked.
    :param marks: ascending sizes, above ``start``, for which a root will be asked.
    """
    found = StretchFound(start, start)
    leaves: list[bytes] = []
    try:
        for row in rows:
            leaves.append(_take(found, row))
            found.stop += 1
            if len(leaves) == merkle.TILE_WIDTH:
                _close(found, leaves, marks)
                leaves = []
    except JournalRefused as refusal:
        found.fault = Fault(found.stop, refusal.fault, refusal.place, refusal.message)
    _close(found, leaves, marks)
    return found


def _take(found: StretchFound, row: Row) -> bytes:
    """Compare one entry with what is before it in the stretch and with what is stored beside it; its leaf hash."""
    entry, stored, columns = row
    position, streams = found.stop, found.streams
    told = journal.columns(entry, position)
    time, _, stream, revision = told[:4]
    if time < found.last_time:
        raise time_goes_back(position, time, found.last_time)
    found.last_time = time
    if position == found.start:
        found.first_time = time
    if stream not in streams:
        streams[stream] = (position, revision, revision)
    else:
        first, begun, last = streams[stream]
        if revision != last + 1:
            raise stream_has_gap(position, stream, revision, last + 1)
        streams[stream] = (first, begun, revision)
    leaf = merkle.leaf_hash(entry)
    if leaf != stored and found.leaf_fault is None:
        found.leaf_fault = position
    if columns is not None and columns != told:
        raise JournalRefused("column", f"position {position}", "a column is not what the entry says")
    return leaf


def _close(found: StretchFound, leaves: list[bytes], marks: Sequence[int]) -> None:
    """Keep the root of a complete tile, and the roots that are asked within it."""
    first = found.stop - len(leaves)
    wanted = [mark for mark in marks if first < mark <= found.stop and mark % merkle.TILE_WIDTH]
    if wanted:
        tile = merkle.Builder()
        for mark in wanted:
            for leaf in leaves[tile.size : mark - first]:
                tile.add(leaf)
            found.tails[mark] = tile.root()
    if len(leaves) == merkle.TILE_WIDTH:
        found.parents.append(merkle.fold(leaves))


def time_goes_back(position: int, time: str, before: str) -> JournalRefused:
    """The refusal of an entry that is older than the one before it."""
    return JournalRefused("order", f"position {position}", f"its time {time} is before {before}")


def stream_has_gap(position: int, stream: str, revision: int, expected: int) -> JournalRefused:
    """The refusal of an entry that is not its stream's next."""
    return JournalRefused(
        "order", f"position {position}", f"revision {revision} of stream {stream}, expected {expected}"
    )

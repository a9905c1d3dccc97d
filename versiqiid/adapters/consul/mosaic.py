"""The picture of a prefix, put together from the answers of many queries. No waiting and no network: answers go in,
what is to be told and what is to be asked next come out.

The cover is planned in ``core/shard_planning.py``, pacing in ``core/cursor.py``; ``shards.py`` next door asks. Here:

* each shard is compared with what was told of it, so a change is told once, whichever query brings it, and a key is
  told as gone only by an answer of the shard that it belongs to, or by a list of names that does not have it;
* a shard that was cut hands on what it knew: its parts block at the index it stood at, and nothing is read twice;
* a piece that is read again is told as a listing of its scope, names included: together they speak of every key there
  can be, so that an observer who knows a key from elsewhere learns that it is gone;
* every sign of a store that was put back to an older state (``_is_older``) makes it start over: one read of the whole,
  told as complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from versiqiid.core import cursor as pacing
from versiqiid.core import shard_planning as planning
from versiqiid.core.cursor import Answer, Cursor, Pace, Step
from versiqiid.core.guard import Seen
from versiqiid.core.retry import Backoff
from versiqiid.core.scope import Scope
from versiqiid.core.shard_cutting import is_heavy
from versiqiid.core.shards import Cover, Kind, Query, Sizes, slice_of
from versiqiid.ports import Batch, Entry, Reached

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence


_KEY_BYTES = 500
"""What a key costs besides its value: 150 bytes on the wire, and the work of taking it apart (measured)."""

_GROWN = 1.25
"""A shard that could not be cut is looked at again once it has grown by this factor. Arbitrary."""


@dataclass(slots=True, eq=False)
class Piece:
    """One query of the cover, with what was told of its keys.

    :ivar held: in order of keys; empty for split points.
    :ivar index: all keys of the shard that were written up to here are held; 0 = not known.
    :ivar whole_again: its next answer is told in full, as a listing.
    :ivar heard_at: when its last good answer came, in seconds of the caller's clock; 0 = never.
    """

    query: Query
    cursor: Cursor = field(default_factory=Cursor)
    held: dict[str, Entry] = field(default_factory=dict)
    load: int = 0
    index: int = 0
    whole_again: bool = False
    heard_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What a shard's query brought.

    :ivar entries: in order of keys.
    :ivar early: it blocked and came before its wait was over.
    :ivar at: when it came.
    """

    entries: Mapping[str, Entry]
    index: int
    early: bool
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Listed:
    """What a split point's query brought: the names one level down."""

    names: tuple[str, ...]
    index: int
    early: bool
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Difference:
    piece: Piece
    answer: Answered
    held: dict[str, Entry]
    changed: list[Entry]
    deleted: list[str]


@dataclass(frozen=True, slots=True)
class Own:
    """What is known already, because this process wrote it.

    :ivar indexes: of its commits.
    :ivar pause: delays after answers that bring nothing else, many in a row.
    """

    indexes: Container[int] = ()
    pause: Backoff = field(default_factory=Backoff)


NOBODYS = Own()


class Mosaic:
    """One watch's picture.

    :ivar told: the newest index at which a shard told of its keys; 0 = nothing is told.
    """

    def __init__(self, root: str, sizes: Sizes | None = None) -> None:
        self._sizes = sizes or Sizes()
        self._cover = Cover.whole(root)
        self._stuck: dict[Query, float] = {}
        self.pieces: dict[Query, Piece] = {}
        self.told = 0
        self.start_over()

    @property
    def cover(self) -> Cover:
        return self._cover

    @property
    def index(self) -> int:
        """The newest index that was told."""
        return max(piece.index for piece in self.pieces.values())

    @property
    def holds_any(self) -> bool:
        """Whether any key was told as there."""
        return any(piece.held for piece in self.pieces.values())

    def start_over(self) -> None:
        """Ask for the whole, at once, and tell it as complete. What is held stays, for the guard to compare with."""
        held = {key: entry for piece in self.pieces.values() for key, entry in piece.held.items()}
        self._cover = Cover.whole(self._cover.root)
        query = self._cover.queries[0]
        self.pieces = {query: Piece(query, held=held, whole_again=True)}
        self._stuck.clear()
        self.told = 0

    # ------------------------------------------------------------------------------------------------- answers

    def seen(self, piece: Piece, entries: Mapping[str, Entry]) -> Seen:
        """An answer as far as the guard cares about what is missing in it."""
        missing = sum(key not in entries for key in piece.held)
        return Seen(known=len(piece.held), missing=missing, left=len(entries))

    def take(
        self, answers: Sequence[tuple[Piece, Answered]], pace: Pace, *, now: float, dice: float, own: Own = NOBODYS
    ) -> tuple[list[Batch | Reached], dict[Query, float]]:
        """Believe these answers: what is to be told, in order, and how long each query is to wait before its next.

        :param own: what this process wrote itself is told, but is no reason to ask again soon.

        Without anything to tell, it has started over: one of the answers came from an older state of the store.
        """
        found = [_compare(piece, answer) for piece, answer in answers]
        if not all(each.piece.whole_again and self._cover.is_whole for each in found) and any(map(_is_older, found)):
            self.start_over()
            return [], {}
        events = self._events(found)
        delays: dict[Query, float] = {}
        for each in found:
            news = _is_news(each, own.indexes)
            paced = pace if news or not (each.changed or each.deleted) else replace(pace, unchanged=own.pause)
            step = _step(each.piece, Answer(each.answer.index, news, each.answer.early), paced, now, dice)
            delays[each.piece.query] = step.delay_s
            each.piece.held, each.piece.whole_again = each.held, False
            each.piece.load = _load(each.held)
            each.piece.index, each.piece.heard_at = each.answer.index, each.answer.at
            self.told = max(self.told, each.answer.index)
        self._close([each.piece.query for each in found if not each.held])
        return events, delays

    def listed(
        self, piece: Piece, answer: Listed, pace: Pace, *, now: float, dice: float, queries_max: int, own: Own = NOBODYS
    ) -> tuple[list[Batch], float]:
        """Give the names that no shard covers a shard: what is to be told, and how long the query is to wait."""
        if _is_given_up(piece, answer):
            self.start_over()
            return [], 0.0
        events = []
        if piece.whole_again:
            events = [Batch((), index=answer.index, scope=Scope(piece.query.prefix, frozenset(answer.names)))]
        cover = planning.admit(self._cover, piece.query, answer.names, self._loads(), queries_max)
        changed = cover != self._cover
        paced = pace if answer.index not in own.indexes else replace(pace, unchanged=own.pause)
        step = _step(piece, Answer(answer.index, changed, answer.early), paced, now, dice)
        piece.index, piece.heard_at, piece.whole_again = answer.index, answer.at, False
        self._change(cover)
        return events, step.delay_s

    def replan(self, queries_max: int) -> None:
        """Cut and join as the sizes now ask for."""
        loads = self._loads()
        leave = {query for query, load in self._stuck.items() if loads.get(query, 0) < load * _GROWN}
        cover = planning.plan(self._cover, loads, self._weights, self._sizes, queries_max, leave=leave)
        # What was left alone keeps the load at which it was tried: else a shard that grows slowly is never tried again.
        known = self._stuck if cover == self._cover else {}
        self._stuck = {query: known[query] for query in leave if query in known} | {
            query: load
            for query, load in loads.items()
            if query in cover.queries and query not in leave and is_heavy(cover, query, load, self._sizes)
        }
        self._change(cover)

    # ------------------------------------------------------------------------------------------------- telling

    def _events(self, found: Sequence[_Difference]) -> list[Batch | Reached]:
        index = max(each.answer.index for each in found)
        if self._cover.is_whole and found[0].piece.whole_again:
            return [Batch(tuple(found[0].held.values()), index=index, complete=True)]
        changed = [entry for each in found for entry in each.changed]
        # A deletion is told with the index of its own shard: an observer that knows, from elsewhere, of a later write
        # of that key could not tell otherwise that it is later.
        earlier = sorted({each.answer.index for each in found if each.deleted} - {index})
        events: list[Batch | Reached] = [Batch((), _deleted(found, at), at) for at in earlier]
        last = _deleted(found, index)
        if changed or last:
            events.append(Batch(tuple(sorted(changed, key=lambda entry: entry.key)), last, index))
        # What belongs together is told together, above; the listings follow, each with the index it is good for.
        events += [_listing(each) for each in found if each.piece.whole_again]
        return events or [Reached(index)]

    # -------------------------------------------------------------------------------------------------- cover

    def _loads(self) -> dict[Query, int]:
        return {query: piece.load for query, piece in self.pieces.items() if query.kind is not Kind.NAMES}

    def _weights(self, query: Query) -> list[tuple[str, int]]:
        return [(key, weight(entry)) for key, entry in self.pieces[query].held.items()]

    def _close(self, empty: Iterable[Query]) -> None:
        """An empty shard is woken by every write in the store (hashicorp/consul#9449): the names watch over it."""
        cover = planning.closed(self._cover, empty)
        self._change(cover)

    def _change(self, cover: Cover) -> None:
        """Put another cover in place; what was held goes to the shards that hold the keys now.

        Where a split point's members changed, it is asked anew: only an answer that is newer than the change says that
        nothing was missed.
        """
        before, after = set(self._cover.queries), set(cover.queries)
        if before == after:
            return
        self._cover = cover
        left = [self.pieces.pop(query) for query in sorted(before - after)]
        keys = {piece.query: list(piece.held) for piece in left}
        for query in sorted(after - before):
            self.pieces[query] = Piece(query) if query.kind is Kind.NAMES else _made_of(query, left, keys)
        for query in before ^ after:
            point = cover.point_of(query)
            if point is not None and point in before:
                self.pieces[point] = Piece(point)


def _made_of(query: Query, left: Sequence[Piece], keys: Mapping[Query, list[str]]) -> Piece:
    """A shard made of those that it replaces.

    :param keys: what each of them holds, in order.
    """
    for piece in left:
        if piece.query.kind is Kind.SUBTREE and query.prefix.startswith(piece.query.prefix):
            start, end = slice_of(keys[piece.query], query)
            held = {key: piece.held[key] for key in keys[piece.query][start:end]}
            cursor = Cursor(piece.cursor.index, inherited=True)
            return Piece(query, cursor, held, _load(held), piece.index, heard_at=piece.heard_at)
    held = {key: entry for piece in left for key, entry in piece.held.items() if query.holds(key)}
    return Piece(query, held=dict(sorted(held.items())), load=_load(held))


def _listing(found: _Difference) -> Batch:
    """A shard in full."""
    query = found.piece.query
    scope = Scope(query.prefix, exact=query.kind is Kind.KEY)
    return Batch(tuple(found.held.values()), index=found.answer.index, scope=scope)


def _deleted(found: Sequence[_Difference], index: int) -> tuple[str, ...]:
    return tuple(sorted(key for each in found if each.answer.index == index for key in each.deleted))


def _compare(piece: Piece, answer: Answered) -> _Difference:
    """What an answer says anew. What is the same stays the same object: its value is held by others too."""
    held: dict[str, Entry] = {}
    changed: list[Entry] = []
    for key, entry in answer.entries.items():
        known = piece.held.get(key)
        if known is not None and known.revision == entry.revision and known.value == entry.value:
            held[key] = known
        else:
            held[key] = entry
            changed.append(entry)
    deleted = [key for key in piece.held if key not in held]
    return _Difference(piece, answer, held, changed, deleted)


def _is_news(found: _Difference, own: Container[int]) -> bool:
    """Whether the answer brings what somebody else wrote, as far as indexes tell."""
    return any(entry.revision not in own for entry in found.changed) or (
        bool(found.deleted) and found.answer.index not in own
    )


def _is_given_up(piece: Piece, answer: Answered | Listed) -> bool:
    """Whether the server ended the query although nothing was written since: its state was replaced under it."""
    return answer.early and answer.index <= piece.cursor.index


def _is_older(found: _Difference) -> bool:
    """Whether the answer cannot follow what was told, unless the store was put back to an older state.

    An index that fell without any difference is no sign: deletions move it, and are forgotten after a while
    (``docs/consul-rules.md`` rule 10).
    """
    piece, answer = found.piece, found.answer
    if _is_given_up(piece, answer):
        return True
    if not (found.changed or found.deleted):
        return False
    if answer.index < piece.index:
        return True
    for entry in found.changed:
        known = piece.held.get(entry.key)
        if entry.revision <= (piece.index if known is None else known.revision):
            return True
    return any(piece.held[key].revision > answer.index for key in found.deleted)


def _step(piece: Piece, answer: Answer, pace: Pace, now: float, dice: float) -> Step:
    step = pacing.answered(piece.cursor, answer, now=now, seed=dice, pace=pace)
    piece.cursor = step.cursor
    return step


def _load(held: Mapping[str, Entry]) -> int:
    return sum(map(weight, held.values()))


def weight(entry: Entry) -> int:
    """About what a key adds to an answer, in bytes."""
    return _KEY_BYTES + len(entry.key) + len(entry.value) * 4 // 3

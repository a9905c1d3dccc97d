"""The sharded picture, and the snapshot made from it, against a dictionary that behaves as Consul does, whatever the
order in which things happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from versiqiid.adapters.consul.mosaic import Answered, Listed, Mosaic, Piece
from versiqiid.core import cursor as pacing
from versiqiid.core.cursor import UNBLOCKED, Pace
from versiqiid.core.shards import Kind, Query, Sizes
from versiqiid.core.snapshot import Observation, Snapshot, Value
from versiqiid.ports import Batch, Entry, Reached

SMALL = Sizes(whole=1600, split=1100, merge=600, spare=1)
"""A key counts for 500 and a little: shards of two keys, a tree of three in one piece."""

PACE = Pace()

segments = st.sampled_from(("a", "ab", "abc", "b", "c", "_x"))
paths = st.lists(segments, min_size=1, max_size=4).map("/".join)
keys = st.one_of(paths, paths, paths.map(lambda path: path + "/"))  # also folder keys, as a UI makes them
values = st.sampled_from((b"", b"1", b"two"))


@dataclass
class Store:
    """Consul's key-value store as its code has it (``docs/consul-rules.md`` §1), and all that it ever held.

    :ivar cells: key → (value, ModifyIndex).
    :ivar raft: the last index given out.
    :ivar table: what a query of an absent key is answered with.
    :ivar abandoned: how often all blocking queries were woken because the state was replaced.
    :ivar moments: key → its states, each with the moment at which it began; None = absent.
    """

    cells: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    raft: int = 10
    table: int = 10
    abandoned: int = 0
    now: int = 0
    moments: dict[str, list[tuple[int, tuple[bytes, int] | None]]] = field(default_factory=dict)

    def commit(self, writes: dict[str, bytes | None]) -> None:
        """One transaction; what changes nothing moves nothing."""
        self.raft += 1
        for key, value in writes.items():
            present = self.cells.get(key)
            if value is None and present is not None:
                del self.cells[key]
                self.tombstones[key] = self.table = self.raft
            elif value is not None and (present is None or present[0] != value):
                self.cells[key] = (value, self.raft)
                self.table = self.raft
        self.note()

    def note(self) -> None:
        """Write down what changed at this moment."""
        self.now += 1
        for key in self.cells.keys() | self.moments.keys():
            states = self.moments.setdefault(key, [(0, None)])
            if states[-1][1] != self.cells.get(key):
                states.append((self.now, self.cells.get(key)))

    def index(self, query: Query) -> int:
        """As ``kvs.go`` has it: of what is there and was deleted there; of the whole table when there is neither."""
        if query.kind is Kind.KEY:
            return self.cells[query.prefix][1] if query.prefix in self.cells else self.table
        found = [index for key, (_, index) in self.cells.items() if key.startswith(query.prefix)]
        if query.prefix == "":
            return self.table
        found += [index for key, index in self.tombstones.items() if key.startswith(query.prefix)]
        return max(found, default=self.table)

    def entries(self, query: Query) -> dict[str, Entry]:
        found = {key: Entry(key, value, index) for key, (value, index) in self.cells.items() if query.holds(key)}
        return dict(sorted(found.items()))

    def names(self, query: Query) -> tuple[str, ...]:
        """As ``?keys&separator=/``."""
        found = set()
        for key in self.cells:
            if key.startswith(query.prefix):
                slash = key.find("/", len(query.prefix))
                found.add(key[: slash + 1] if slash >= 0 else key)
        return tuple(sorted(found))


@dataclass
class Ask:
    """A query that was sent; ``answer`` is on its way back once the server has given it."""

    index: int
    abandoned: int
    answer: Answered | Listed | None = None


class Watching(RuleBasedStateMachine):
    """One mosaic, one store, and a network that is as slow and unjust as it can be."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.saved: list[tuple[dict[str, tuple[bytes, int]], int]] = []
        self.asks: dict[Piece, Ask] = {}
        self.picture: dict[str, tuple[bytes, int]] = {}
        self.told_at: dict[str, int] = {}
        self.snapshot = Snapshot()
        self.shown: dict[str, tuple[bytes, int] | None] = {}
        self.shown_at: dict[str, int] = {}
        self.blind = False
        self.ours = False

    @initialize(root=st.sampled_from(("", "a/", "a", "ab/a/")), limit=st.integers(1, 14))
    def begin(self, root: str, limit: int) -> None:
        self.root = root
        self.limit = limit
        self.mosaic = Mosaic(root, SMALL)
        self.sync()

    # ------------------------------------------------------------------------------------------------ the store

    @rule(writes=st.dictionaries(keys, st.one_of(values, values, st.none()), min_size=1, max_size=6))
    def commit(self, writes: dict[str, bytes | None]) -> None:
        self.store.commit({self.root + key: value for key, value in writes.items()})

    @rule(writes=st.dictionaries(keys, st.one_of(values, st.none()), min_size=1, max_size=3), at_once=st.booleans())
    def write_ourselves(self, writes: dict[str, bytes | None], at_once: bool) -> None:
        """As the writer does, which tells the snapshot of its own commits; a stranger may be as quick as to undo it."""
        before, ours = dict(self.store.cells), {self.root + key: value for key, value in writes.items()}
        self.store.commit(ours)
        for key, value in ours.items():
            if self.store.cells.get(key) != before.get(key):
                self.snapshot.wrote(key, value, self.store.raft)
        self.look()
        self.ours = True
        if at_once:
            self.store.commit(dict.fromkeys(ours))

    @rule(key=keys)
    def write_elsewhere(self, key: str) -> None:
        self.store.commit({"foreign/" + key: b"x"})

    @rule(share=st.sampled_from((2, 3)))
    def delete_many(self, share: int) -> None:
        gone = [key for at, key in enumerate(sorted(self.store.cells)) if at % share]
        self.store.commit(dict.fromkeys(gone))

    @rule()
    def forget_deletions(self) -> None:
        """Deletions are forgotten after a quarter of an hour: by then no older answer is on its way."""
        self.quiet()
        self.store.tombstones.clear()

    @rule()
    def snapshot(self) -> None:
        self.saved.append((dict(self.store.cells), self.store.table))

    @precondition(lambda self: self.saved)
    @rule(which=st.integers(0, 3), elsewhere=st.booleans(), after=st.dictionaries(keys, values, max_size=2))
    def restore(self, which: int, elsewhere: bool, after: dict[str, bytes]) -> None:
        """Into the same cluster, which goes on counting and wakes all that wait; or into a new one, which counts from
        the snapshot's index and knows nobody.

        An answer that is on its way hides it: the query that follows was not there to be woken, and the index may have
        grown beyond it again. Only the resync finds that.

        :param after: written before anybody could notice.
        """
        self.blind |= any(ask.answer for ask in self.asks.values())
        cells, table = self.saved[which % len(self.saved)]
        self.store.cells, self.store.table = dict(cells), table
        self.store.tombstones.clear()
        self.store.abandoned += 1
        self.store.raft = table if elsewhere else max(self.store.raft, table) + 1
        self.store.note()
        if elsewhere:
            for piece in list(self.asks):
                self.lose(piece)
        if after:
            self.commit(after)

    # ---------------------------------------------------------------------------------------------- the network

    @rule(data=st.data(), waited=st.booleans())
    def answer_some(self, data: st.DataObject, waited: bool) -> None:
        """The server answers; the answers may stay on their way for long.

        :param waited: the wait of all of these is over.
        """
        for piece in data.draw(st.sets(st.sampled_from(list(self.asks)))):
            self.answer(piece, waited=waited)

    @rule(data=st.data())
    def deliver_some(self, data: st.DataObject) -> None:
        flying = [piece for piece, ask in self.asks.items() if ask.answer]
        if flying:
            self.deliver(data.draw(st.lists(st.sampled_from(flying), min_size=1, unique=True)))

    @rule(data=st.data())
    def lose_some(self, data: st.DataObject) -> None:
        """Connections break, before or after the server answered."""
        for piece in data.draw(st.sets(st.sampled_from(list(self.asks)))):
            self.lose(piece)

    @rule(data=st.data())
    def read_again(self, data: st.DataObject) -> None:
        """A piece is due to be read and told in full."""
        self.resync(data.draw(st.sampled_from(list(self.asks))))

    @rule()
    def probe(self) -> None:
        if self.store.table < self.mosaic.index:
            self.mosaic.start_over()
            self.sync()

    @rule(limit=st.integers(1, 14))
    def other_limit(self, limit: int) -> None:
        self.limit = limit
        self.mosaic.replan(limit)
        self.sync()

    @rule()
    def quiet(self) -> None:
        """Nothing happens any more, no wait ends, all that is on its way comes in: then the picture is the store."""
        # The watch never sees what came and went: listings tell, and doubt an own commit once before they overrule it.
        for _ in range(2 if self.ours else self.blind):
            for piece in list(self.asks):
                self.resync(piece)
            self.rest()
        self.blind = self.ours = False
        self.rest()
        there = {key: cell for key, cell in self.store.cells.items() if key.startswith(self.root)}
        assert self.picture == there
        assert {key: (value.raw, value.revision) for key, value in self.snapshot.items()} == there

    def rest(self) -> None:
        for _ in range(100):
            self.probe()
            for piece in list(self.asks):
                self.answer(piece, waited=False)
            flying = [piece for piece, ask in self.asks.items() if ask.answer]
            if not flying:
                return
            self.deliver(flying)
        raise AssertionError("it never comes to rest")

    def teardown(self) -> None:
        if hasattr(self, "mosaic"):
            self.quiet()

    # ------------------------------------------------------------------------------------------------ machinery

    def sync(self) -> None:
        """Ask what the mosaic wants asked; what it no longer wants is cancelled."""
        asked = self.asks
        self.asks = {}
        for _, piece in sorted(self.mosaic.pieces.items()):
            self.asks[piece] = asked.get(piece) or Ask(piece.cursor.index, self.store.abandoned)

    def answer(self, piece: Piece, *, waited: bool) -> None:
        ask, query = self.asks[piece], piece.query
        index = self.store.index(query)
        early = index > ask.index or self.store.abandoned != ask.abandoned
        if ask.answer is not None or not (early or waited or ask.index == UNBLOCKED):
            return
        early = early and ask.index != UNBLOCKED
        if query.kind is Kind.NAMES:
            ask.answer = Listed(self.store.names(query), index, early)
        else:
            ask.answer = Answered(self.store.entries(query), index, early)

    def resync(self, piece: Piece) -> None:
        piece.cursor, piece.whole_again = pacing.Cursor(), True
        del self.asks[piece]
        self.sync()

    def lose(self, piece: Piece) -> None:
        piece.cursor = pacing.failed(piece.cursor, now=0, seed=0, pace=PACE).cursor
        del self.asks[piece]
        self.sync()

    def deliver(self, pieces: list[Piece]) -> None:
        """One wave: names first, as they may change who is asked."""
        answers = {piece: self.asks.pop(piece).answer for piece in pieces}
        for piece, answer in answers.items():
            if isinstance(answer, Listed) and self.mosaic.pieces.get(piece.query) is piece:
                batches, _ = self.mosaic.listed(piece, answer, PACE, now=0, dice=0, queries_max=self.limit)
                for batch in batches:
                    self.tell(batch)
        wave = [
            (piece, answer)
            for piece, answer in answers.items()
            if isinstance(answer, Answered) and self.mosaic.pieces.get(piece.query) is piece
        ]
        if wave:
            events, _ = self.mosaic.take(wave, PACE, now=0, dice=0)
            for event in events:
                self.tell(event)
            if events:
                self.mosaic.replan(self.limit)
        self.sync()

    def tell(self, event: Batch | Reached) -> None:
        if isinstance(event, Reached):
            return
        gone = [key for key in self.picture if key not in {entry.key for entry in event.changed}]
        for key in gone if event.complete else event.deleted:
            assert key in self.picture, f"{key} is told as gone and was never told as there"
            del self.picture[key]
            self.check(key, None)
        for entry in event.changed:
            self.picture[entry.key] = (entry.value, entry.revision)
            self.check(entry.key, self.picture[entry.key])
        if event.scope is not None:
            named = {entry.key for entry in event.changed}
            assert all(map(event.scope.holds, named))
            for key in filter(event.scope.holds, self.picture.keys() - named):
                assert event.scope.members is not None, "a shard's listing leaves out what it did not tell as gone"
                self.check(key, None, dict(self.told_at))  # names may know sooner than the shard
        self.take_in(event)

    def take_in(self, batch: Batch) -> None:
        """As the observer does."""
        if batch.complete and batch.index < self.snapshot.index:
            self.shown_at.clear()  # numbers are given out anew: an own write among them may be taken for an older one
        changed = {entry.key: Value(entry.value, entry.revision) for entry in batch.changed}
        self.snapshot.apply(Observation(changed, batch.deleted, batch.index, batch.complete, batch.scope))
        self.look()

    def look(self) -> None:
        """Whoever decides from the snapshot now sees states that were, none of them after a later one."""
        shows = {key: (value.raw, value.revision) for key, value in self.snapshot.items()}
        for key in shows.keys() | self.shown.keys():
            if shows.get(key) != self.shown.get(key):
                self.check(key, shows.get(key), self.shown_at)
        self.shown = dict(shows)

    def check(self, key: str, state: tuple[bytes, int] | None, told_at: dict[str, int] | None = None) -> None:
        """Every state was real, and none comes after a later one of its key."""
        told_at = self.told_at if told_at is None else told_at
        states = self.store.moments[key]
        ends = [began for began, _ in states[1:]] + [self.store.now + 1]
        since = told_at.get(key, 0)
        fits = [
            max(began, since) for (began, each), end in zip(states, ends, strict=True) if each == state and end > since
        ]
        assert fits, f"{key} is told as {state}, which it was not at {since} or later: {states}"
        told_at[key] = fits[0]

    # ----------------------------------------------------------------------------------------------- invariants

    @invariant()
    def the_cover_is_sound(self) -> None:
        if not hasattr(self, "mosaic"):
            return
        queries = self.mosaic.cover.queries
        assert set(queries) == self.mosaic.pieces.keys()
        assert self.mosaic.cover.is_whole or len(queries) <= self.limit
        for key in self.store.cells:
            assert sum(query.holds(key) for query in queries) <= 1, f"{key} is in several shards of {queries}"
        for query, piece in self.mosaic.pieces.items():
            assert all(query.holds(key) for key in piece.held)

    @invariant()
    def what_is_held_is_what_was_told(self) -> None:
        if hasattr(self, "mosaic"):
            held = {
                key: (entry.value, entry.revision)
                for piece in self.mosaic.pieces.values()
                for key, entry in piece.held.items()
            }
            assert held == self.picture


def test_whatever_happens_the_picture_follows_the_store() -> None:
    run_state_machine_as_test(Watching, settings=settings(max_examples=200, stateful_step_count=40))

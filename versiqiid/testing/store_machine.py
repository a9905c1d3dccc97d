"""A model of every store for Hypothesis: random operations against a dictionary, with a watch that looks on.

The dictionary is the oracle, and it is deliberately naive: it shares no code with any store. Subclass ``StoreMachine``,
say how a store is made, and run it with ``hypothesis.stateful.run_state_machine_as_test``.
"""
# ruff: noqa: S101 - asserts are what a model is made of

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import checkpoint
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from versiqiid.errors import Conflict, FenceLost, NotFound
from versiqiid.ports import Batch, Check, Delete, Held, SessionId, Set, Trouble
from versiqiid.testing.watching import Watching

if TYPE_CHECKING:
    from concurrent.futures import Future

    from versiqiid.ports import Operation
    from versiqiid.testing.watching import Store

KEYS = ("a", "b", "a/x", "a/y", "deep/er/z", "_system/lock")
VALUES = (b"", b"1", b"two", b"\x00\xff")

keys = st.sampled_from(KEYS)
values = st.sampled_from(VALUES)
expectations = st.sampled_from(("any", "present", "present", "absent", "stale"))


@dataclass
class Model:
    """What a store should hold.

    :ivar cells: key → (value, revision).
    :ivar holders: key → the session that holds its lock.
    """

    cells: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    holders: dict[str, SessionId] = field(default_factory=dict)

    def revision(self, key: str) -> int:
        return self.cells[key][1] if key in self.cells else 0

    def values(self) -> dict[str, bytes]:
        return {key: value for key, (value, _) in self.cells.items()}

    def failure(self, operations: list[Operation]) -> tuple[str, str, int] | None:
        """The first operation that must fail, as (kind, key, expected)."""
        for operation in operations:
            if isinstance(operation, Held):
                if self.holders.get(operation.key) != operation.session:
                    return ("fence", operation.key, 0)
                continue
            wanted = operation.revision if isinstance(operation, Check) else operation.expect
            if wanted is not None and wanted != self.revision(operation.key):
                return ("conflict", operation.key, wanted)
        return None

    def changes(self, operations: list[Operation]) -> dict[str, bytes | None]:
        """What the operations change: key → new value, None = removed."""
        changes: dict[str, bytes | None] = {}
        for operation in operations:
            present = self.cells.get(operation.key)
            if isinstance(operation, Set) and (present is None or present[0] != operation.value):
                changes[operation.key] = operation.value
            if isinstance(operation, Delete) and present is not None:
                changes[operation.key] = None
        return changes


class StoreMachine(RuleBasedStateMachine):
    """Rules over one store, one writer, one watch. Every picture that the watch shows must be a moment that was.

    :cvar backend: the event loop, ``asyncio`` or ``trio``.
    """

    backend = "asyncio"

    def make_store(self) -> contextlib.AbstractAsyncContextManager[Store]:
        """A store to be used for one run; it may hold other keys."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.portal = self.stack.enter_context(start_blocking_portal(self.backend))
        self.store = self.stack.enter_context(self.portal.wrap_async_context_manager(self.make_store()))
        self.root = f"m-{uuid.uuid4().hex[:12]}"
        self.model = Model()
        self.moments: list[dict[str, bytes]] = [{}]
        self.newest = 0
        self.sessions: list[SessionId] = []
        self.ended: list[SessionId] = []
        self.pictures: list[dict[str, bytes]] = []
        self.shown = 0

    @initialize()
    def begin(self) -> None:
        self.newest = self.portal.call(self.store.commit, [Set(f"{self.root}x", b"outside")])
        self._start_watch()

    # --------------------------------------------------------------------------------------------------- rules

    @rule(written=st.dictionaries(keys, values, min_size=1, max_size=4), number=st.integers(0, 99))
    def write(self, written: dict[str, bytes], number: int) -> None:
        """Blindly, as people do; the number makes most of them a change."""
        self._commit([Set(self._key(key), value + str(number).encode()) for key, value in written.items()])

    @rule(removed=st.sets(keys, min_size=1, max_size=3))
    def remove(self, removed: set[str]) -> None:
        self._commit([Delete(self._key(key)) for key in sorted(removed)])

    @rule(
        parts=st.lists(st.tuples(st.sampled_from((Set, Delete, Check)), keys, values, expectations), max_size=5),
        fence=st.none() | st.tuples(st.integers(0, 4), st.integers(0, 9)),
    )
    def commit(
        self, parts: list[tuple[type[Set | Delete | Check], str, bytes, str]], fence: tuple[int, int] | None
    ) -> None:
        operations = self._operations(parts)
        everyone = self.sessions + self.ended
        if fence and everyone:
            place, who = fence
            operations.insert(place, Held(self._key("_system/lock"), everyone[who % len(everyone)]))
        failure = self.model.failure(operations)
        if failure is None:
            self._commit(operations)
            return
        kind, key, expected = failure
        with pytest.raises(FenceLost if kind == "fence" else Conflict) as caught:
            self.portal.call(self.store.commit, operations)
        if isinstance(caught.value, Conflict):
            found = (caught.value.key, caught.value.expected, caught.value.found)
            assert found == (key, expected, self.model.revision(key))

    @rule(key=keys)
    def get(self, key: str) -> None:
        entry = self.portal.call(self.store.get, self._key(key))
        assert (entry and (entry.value, entry.revision)) == self.model.cells.get(self._key(key))

    @rule(prefix=st.sampled_from(("", "a", "a/", "deep/", "none/", "_system/")))
    def scan(self, prefix: str) -> None:
        listing = self.portal.call(self.store.scan, self._key(prefix))
        expected = sorted((k, *cell) for k, cell in self.model.cells.items() if k.startswith(self._key(prefix)))
        assert [(entry.key, entry.value, entry.revision) for entry in listing.entries] == expected
        assert listing.index >= max((revision for _, _, revision in expected), default=0)

    @rule()
    def catch_up(self) -> None:
        self.portal.call(self.watching.until_values, self.model.values())

    @rule()
    def watch_again(self) -> None:
        self._stop_watch()
        self._start_watch()

    @precondition(lambda self: len(self.sessions) < 3)  # noqa: PLR2004 - enough to quarrel
    @rule(delete=st.booleans())
    def open_session(self, delete: bool) -> None:
        """Of the kind that keeps keys; those that take keys along are ended at once, so that the model stays naive."""
        session = self.portal.call(self._open, delete)
        if delete:
            self.portal.call(self.store.end_session, session)
            self.ended.append(session)
        else:
            self.sessions.append(session)

    @precondition(lambda self: self.sessions or self.ended)
    @rule(who=st.integers(0, 9), key=keys, value=values)
    def acquire(self, who: int, key: str, value: bytes) -> None:
        everyone, key = self.sessions + self.ended, self._key(key)
        session = everyone[who % len(everyone)]
        try:
            taken = self.portal.call(self.store.acquire, key, value, session)
        except NotFound:
            assert session in self.ended
            return
        holder = self.model.holders.get(key)
        assert session not in self.ended
        assert taken == (holder in (None, session))
        if taken:
            present = self.model.cells.get(key)
            self.model.holders[key] = session
            if holder is None or present is None or present[0] != value:
                self._moved({key: value})

    @precondition(lambda self: self.sessions or self.ended)
    @rule(who=st.integers(0, 9), key=keys)
    def release(self, who: int, key: str) -> None:
        everyone, key = self.sessions + self.ended, self._key(key)
        session = everyone[who % len(everyone)]
        released = self.portal.call(self.store.release, key, session)
        assert released == (self.model.holders.get(key) == session)
        if released:
            del self.model.holders[key]
            self._moved({key: self.model.cells[key][0]})

    @precondition(lambda self: self.sessions)
    @rule(who=st.integers(0, 9))
    def end_session(self, who: int) -> None:
        session = self.sessions.pop(who % len(self.sessions))
        self.portal.call(self.store.end_session, session)
        self.ended.append(session)
        freed = sorted(key for key, holder in self.model.holders.items() if holder == session)
        for key in freed:
            del self.model.holders[key]
        self._moved({key: self.model.cells[key][0] for key in freed})

    # -------------------------------------------------------------------------------------------------- always

    @invariant()
    def every_picture_was_a_moment(self) -> None:
        """In the order of the moments: nothing torn, nothing from the past after something newer."""
        pictures, self.pictures = self.pictures, []
        for picture in pictures:
            while self.shown < len(self.moments) and self.moments[self.shown] != picture:
                self.shown += 1
            assert self.shown < len(self.moments), f"{sorted(picture)} never was, or was before what is known"

    def teardown(self) -> None:
        try:
            if self.newest:
                self.catch_up()
                self._stop_watch()
                self.every_picture_was_a_moment()
                for session in self.sessions:
                    self.portal.call(self.store.end_session, session)
        finally:
            if self.newest:
                self.watch.cancel()  # the loop waits for it
            self.stack.close()

    # ------------------------------------------------------------------------------------------------- helpers

    def _key(self, key: str) -> str:
        return f"{self.root}/{key}"

    def _operations(self, parts: list[tuple[type[Set | Delete | Check], str, bytes, str]]) -> list[Operation]:
        operations: list[Operation] = []
        written: set[str] = set()
        for kind, name, value, wish in parts:
            key = self._key(name)
            expect = {"any": None, "present": self.model.revision(key), "absent": 0, "stale": max(1, self.newest - 1)}[
                wish
            ]
            if kind is Check:
                operations.append(Check(key, expect or 0))
            elif key not in written:
                written.add(key)
                operations.append(Set(key, value, expect) if kind is Set else Delete(key, expect or None))
        return operations

    def _commit(self, operations: list[Operation]) -> None:
        changes = self.model.changes(operations)
        revision = self.portal.call(self.store.commit, operations)
        assert revision > self.newest if changes else revision >= self.newest
        self._apply(changes, revision)

    def _moved(self, values: dict[str, bytes]) -> None:
        """Locks moved these keys; the store's word on their revisions is taken, if they grew."""
        before = self.newest
        for key, value in values.items():
            entry = self.portal.call(self.store.get, key)
            assert entry is not None
            assert entry.revision > before
            self._apply({key: value}, entry.revision)

    def _apply(self, changes: dict[str, bytes | None], revision: int) -> None:
        for key, value in changes.items():
            if value is None:
                del self.model.cells[key]
                self.model.holders.pop(key, None)
            else:
                self.model.cells[key] = (value, revision)
        self.newest = max(self.newest, revision)
        self.moments.append(self.model.values())

    async def _open(self, delete: bool) -> SessionId:
        return (await self.store.open_session("model", ttl_s=60.0, delete=delete)).id

    def _start_watch(self) -> None:
        self.watching = Watching()
        self.pictures = []
        self.shown = len(self.moments) - 1
        watching = self.watching

        async def observe(event: object) -> None:
            assert not isinstance(event, Trouble)
            await watching.observe(event)  # type: ignore[arg-type]
            if isinstance(event, Batch):
                self.pictures.append(watching.values())

        self.watch: Future[None] = self.portal.start_task_soon(self.store.watch, f"{self.root}/", observe)

    def _stop_watch(self) -> None:
        """A watch never ends by itself: if it did, its error is the finding."""
        if not self.watch.cancel():
            self.watch.result()
            raise AssertionError("the watch returned")
        self.portal.call(checkpoint)  # until the loop has heard of it, it may still tell of what is old by then

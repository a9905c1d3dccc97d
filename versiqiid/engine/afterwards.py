"""What the leader looks into afterwards, because raw keys are taken as they stand: one thing at a time, each once.

What was judged is remembered in the store, so that neither a restart nor another leader judges it again. What is
judged, and how, is in the rooms that stand on this one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Generic, Protocol, TypeVar

import anyio

from versiqiid.core.snapshot import Snapshot
from versiqiid.engine.writer import LEADER, Term
from versiqiid.errors import FenceLost, InvalidInput, NotFound, Refused, TooLarge, Unavailable
from versiqiid.logs import logger
from versiqiid.ports import Delete, Held, KeyValueStore, Set

log = logger("afterwards")

AGAIN_S = 30.0
"""When something that cannot be judged yet (a part is missing, the store is away) is looked at again. Arbitrary."""


class Recorded(Protocol):
    """Something to judge, and the relative key where it is remembered that it was."""

    @property
    def record_key(self) -> str: ...


Thing = TypeVar("Thing", bound=Recorded)


class Afterwards(ABC, Generic[Thing]):
    """Judges what was not judged, for one term of leadership.

    :cvar room: where the records are. :cvar look_s: how often the snapshot is looked through. A thing is judged when it
        was the same at two looks, so that one that is being written key by key is judged once. :cvar events: what the
        log calls it when something was judged, and when it could not be.
    :param root: of the keys in the store; ``term``: whose session fences what is written.
    """

    room: ClassVar[str]
    look_s: ClassVar[float]
    events: ClassVar[tuple[str, str]]

    def __init__(self, snapshot: Snapshot, store: KeyValueStore, *, root: str, term: Term) -> None:
        self._snapshot = snapshot
        self._store = store
        self._root = root
        self._fence = Held(f"{root}/{LEADER}", term.session)
        self._seen: dict[str, str] = {}
        self._later: dict[str, tuple[str, float]] = {}

    @abstractmethod
    def every(self) -> Iterator[Thing]:
        """All that there is to judge."""

    @abstractmethod
    def is_judged(self, thing: Thing) -> bool:
        """Whether the record that is there is about its present state."""

    @abstractmethod
    def inputs(self, thing: Thing) -> str:
        """What tells its states apart."""

    @abstractmethod
    async def judge(self, thing: Thing, inputs: str) -> bytes:
        """The record of a judgement of that state.

        :raises VersiqiiError: it cannot be judged yet.
        """

    def may_go_on(self) -> bool:
        """Whether nothing more urgent waits."""
        return True

    async def run(self) -> None:
        """Until cancelled.

        :raises FenceLost: this process no longer leads; nothing was written.
        """
        await self._sweep()
        while True:
            for thing, inputs in list(self._due()):
                if not self.may_go_on():
                    break
                await self._try(thing, inputs)
            await anyio.sleep(self.look_s)

    def _due(self) -> Iterator[tuple[Thing, str]]:
        """What to judge: without a record, the same as at the last look, and not put off."""
        seen: dict[str, str] = {}
        for thing in self.every():
            if self.is_judged(thing):
                continue
            key = thing.record_key
            seen[key] = inputs = self.inputs(thing)
            put_off, until = self._later.get(key, ("", 0.0))
            if self._seen.get(key) == inputs and not (put_off == inputs and anyio.current_time() < until):
                yield thing, inputs
        self._seen = seen
        self._later = {key: later for key, later in self._later.items() if key in seen}

    async def _try(self, thing: Thing, inputs: str) -> None:
        try:
            record = await self.judge(thing, inputs)
            await self._store.commit([self._fence, Set(f"{self._root}/{thing.record_key}", record)])
        except FenceLost:
            raise
        except (NotFound, InvalidInput, Unavailable, Refused, TooLarge) as error:
            self._later[thing.record_key] = (inputs, anyio.current_time() + AGAIN_S)
            log.debug(self.events[1], key=thing.record_key, reason=error.message)
            return
        log.info(self.events[0], key=thing.record_key)

    async def _sweep(self) -> None:
        """Remove records of what is gone; what cannot be removed now stays until the next term."""
        present = {thing.record_key for thing in self.every()}
        try:
            listing = await self._store.scan(f"{self._root}/{self.room}")
            for entry in listing.entries:
                if entry.key.removeprefix(f"{self._root}/") not in present:
                    await self._store.commit([self._fence, Delete(entry.key)])
        except FenceLost:
            raise
        except (Unavailable, Refused) as error:
            log.warning("sweep_failed", room=self.room, reason=error.message)

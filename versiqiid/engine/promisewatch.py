"""Schemas written as raw keys are taken as they stand; here the leader judges afterwards what their family promises.

One pair at a time, in the comparer's own process, with no effect on what any binding reads: a schema that breaks the
promise becomes drift (``core/promiserecord``). What was judged is remembered in the store, so that neither a restart
nor another leader judges it again.
"""

from __future__ import annotations

from collections.abc import Iterator

import anyio

from versiqiid.core.comparison import Pair, Text
from versiqiid.core.compatibility import Direction
from versiqiid.core.promiserecord import ROOM, Breach, Promise, every_promise, judged, record
from versiqiid.core.snapshot import Snapshot
from versiqiid.engine.writer import LEADER, Term
from versiqiid.errors import FenceLost, InvalidInput, Refused, TooLarge, Unavailable
from versiqiid.logs import logger
from versiqiid.ports import Delete, Held, KeyValueStore, Set
from versiqiid.ports.comparing import Comparer

log = logger("promisewatch")

LOOK_S = 1.0
"""How often the snapshot is looked through for schemas that were not judged. One is judged when it was the same at two
looks, so that a family that is being written key by key is judged once. Arbitrary."""
AGAIN_S = 30.0
"""When a schema that cannot be judged yet (an earlier one is no schema, the store is away) is looked at again."""


class PromiseWatch:
    """Judges what was not judged, for one term of leadership.

    :param root: of the keys in the store; ``term``: whose session fences what is written.
    """

    def __init__(self, snapshot: Snapshot, store: KeyValueStore, comparer: Comparer, *, root: str, term: Term) -> None:
        self._snapshot = snapshot
        self._store = store
        self._comparer = comparer
        self._root = root
        self._fence = Held(f"{root}/{LEADER}", term.session)
        self._seen: dict[str, str] = {}
        self._later: dict[str, tuple[str, float]] = {}

    async def run(self) -> None:
        """Until cancelled.

        :raises FenceLost: this process no longer leads; nothing was written.
        """
        await self._sweep()
        while True:
            for promise in list(self._due()):
                await self._try(promise)
            await anyio.sleep(LOOK_S)

    def _due(self) -> Iterator[Promise]:
        """The schemas to judge: without a record, the same as at the last look, and not put off."""
        seen: dict[str, str] = {}
        for promise in every_promise(self._snapshot):
            if judged(self._snapshot, promise):
                continue
            key = promise.record_key
            seen[key] = promise.inputs
            put_off, until = self._later.get(key, ("", 0.0))
            if self._seen.get(key) == promise.inputs and not (
                put_off == promise.inputs and anyio.current_time() < until
            ):
                yield promise
        self._seen = seen
        self._later = {key: later for key, later in self._later.items() if key in seen}

    async def _try(self, promise: Promise) -> None:
        try:
            breaches = await self._breaches(promise)
            await self._store.commit(
                [self._fence, Set(f"{self._root}/{promise.record_key}", record(promise, breaches))]
            )
        except FenceLost:
            raise
        except (InvalidInput, Unavailable, Refused, TooLarge) as error:
            self._later[promise.record_key] = (promise.inputs, anyio.current_time() + AGAIN_S)
            log.debug("promise_not_judged", family=promise.family, version=promise.version, reason=error.message)
            return
        log.info("promise_judged", family=promise.family, version=promise.version, broken=len(breaches))

    async def _breaches(self, promise: Promise) -> list[Breach]:
        """:raises UnusableSchema: one of the schemas is none; the statuses of what reads it say so."""
        found = []
        for other in promise.before:
            for direction in promise.terms.level.directions:
                ends = (other, promise.version) if direction is Direction.BACKWARD else (promise.version, other)
                judgement = await self._comparer.judge(self._pair(promise, *ends))
                if not judgement.compatible:
                    found.append(Breach(*ends, direction, judgement))
        return found

    def _pair(self, promise: Promise, writer: str, reader: str) -> Pair:
        old, new = (self._snapshot.get(f"schemas/{promise.family}/{version}") for version in (writer, reader))
        return Pair(
            promise.language,
            Text(old.raw if old else b""),
            Text(new.raw if new else b""),
            policy=promise.terms.policy,
            defaults=promise.terms.defaults,
            formats=promise.terms.formats == "assert",
        )

    async def _sweep(self) -> None:
        """Remove records of schemas that are gone; what cannot be removed now stays until the next term."""
        present = {promise.record_key for promise in every_promise(self._snapshot)}
        try:
            listing = await self._store.scan(f"{self._root}/{ROOM}")
            for entry in listing.entries:
                if entry.key.removeprefix(f"{self._root}/") not in present:
                    await self._store.commit([self._fence, Delete(entry.key)])
        except FenceLost:
            raise
        except (Unavailable, Refused) as error:
            log.warning("sweep_failed", reason=error.message)

"""Migrations written as raw keys are taken as they stand; here the leader tries their laws afterwards.

One pair at a time, with no effect on what any binding reads: guests run in the sandbox's own threads, and a pair that
breaks a law becomes drift (``core/lawrecord``). What was tried is remembered in the store, so that neither a restart
nor another leader tries it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anyio

from versiqiid.core.lawrecord import ROOM, Pair, every_pair, inputs_of, record, tried
from versiqiid.core.snapshot import Snapshot
from versiqiid.engine.lawcheck import Effort, LawCheck
from versiqiid.engine.pairs import pair as directions
from versiqiid.engine.writer import LEADER, Term
from versiqiid.errors import FenceLost, InvalidInput, NotFound, Refused, TooLarge, Unavailable, UnusableSchema
from versiqiid.logs import logger
from versiqiid.ports import Delete, Held, KeyValueStore, MigrationRuntime, Set, Validator

log = logger("lawwatch")

LOOK_S = 3.0
"""How often the snapshot is looked through for pairs that were not tried. A pair is tried when it was the same at two
looks, so that one that is being written key by key is tried once. Arbitrary."""
AGAIN_S = 30.0
"""When a pair that cannot be tried yet (a schema or module is missing, the store is away) is looked at again."""


class LawWatch:
    """Tries what was not tried, for one term of leadership.

    :param root: of the keys in the store; ``term``: whose session fences what is written.
    :param idle: whether nothing else waits to be decided or written: configs come first.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        store: KeyValueStore,
        validator: Validator,
        runtime: MigrationRuntime,
        *,
        root: str,
        term: Term,
        effort: Effort,
        idle: Callable[[], bool],
    ) -> None:
        self._snapshot = snapshot
        self._store = store
        self._laws = LawCheck(validator, runtime)
        self._root = root
        self._fence = Held(f"{root}/{LEADER}", term.session)
        self._effort = effort
        self._idle = idle
        self._seen: dict[Pair, str] = {}
        self._later: dict[Pair, tuple[str, float]] = {}

    async def run(self) -> None:
        """Until cancelled.

        :raises FenceLost: this process no longer leads; nothing was written.
        """
        await self._sweep()
        while True:
            for pair, inputs in list(self._due()):
                if not self._idle():
                    break
                await self._try(pair, inputs)
            await anyio.sleep(LOOK_S)

    def _due(self) -> Iterator[tuple[Pair, str]]:
        """The pairs to try: without a record, the same as at the last look, and not put off."""
        seen: dict[Pair, str] = {}
        for pair in every_pair(self._snapshot):
            if tried(self._snapshot, pair):
                continue
            seen[pair] = inputs = inputs_of(self._snapshot, pair)
            put_off, until = self._later.get(pair, ("", 0.0))
            if self._seen.get(pair) == inputs and not (put_off == inputs and anyio.current_time() < until):
                yield pair, inputs
        self._seen = seen
        self._later = {pair: later for pair, later in self._later.items() if pair in seen}

    async def _try(self, pair: Pair, inputs: str) -> None:
        try:
            first, second = directions(self._snapshot, pair.family, pair.one, pair.other)
            report = await self._laws.run(first, second, self._effort)
            await self._store.commit(
                [self._fence, Set(f"{self._root}/{pair.record_key}", record(pair, inputs, report.findings))]
            )
        except FenceLost:
            raise
        except (NotFound, InvalidInput, UnusableSchema, Unavailable, Refused, TooLarge) as error:
            self._later[pair] = (inputs, anyio.current_time() + AGAIN_S)
            log.debug("laws_not_tried", family=pair.family, versions=(pair.one, pair.other), reason=error.message)
            return
        log.info("laws_tried", family=pair.family, versions=(pair.one, pair.other), broken=len(report.findings))

    async def _sweep(self) -> None:
        """Remove records of pairs that are gone; what cannot be removed now stays until the next term."""
        present = {pair.record_key for pair in every_pair(self._snapshot)}
        try:
            listing = await self._store.scan(f"{self._root}/{ROOM}")
            gone = [e.key for e in listing.entries if e.key.removeprefix(f"{self._root}/") not in present]
            for key in gone:
                await self._store.commit([self._fence, Delete(key)])
        except FenceLost:
            raise
        except (Unavailable, Refused) as error:
            log.warning("sweep_failed", reason=error.message)

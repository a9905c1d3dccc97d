"""Migrations written as raw keys are taken as they stand; here the leader tries their laws afterwards.

One pair at a time, with no effect on what any binding reads: guests run in the sandbox's own threads, and a pair that
breaks a law becomes drift (``core/lawrecord``). What was tried is remembered in the store, so that neither a restart
nor another leader tries it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from versiqiid.core.lawrecord import ROOM, Pair, every_pair, inputs_of, record, tried
from versiqiid.core.snapshot import Snapshot
from versiqiid.engine.afterwards import Afterwards
from versiqiid.engine.lawcheck import Effort, LawCheck
from versiqiid.engine.pairs import pair as directions
from versiqiid.engine.writer import Term
from versiqiid.ports import KeyValueStore


class LawWatch(Afterwards[Pair]):
    """Tries the laws of every pair.

    :param idle: whether nothing else waits to be decided or written: configs come first.
    """

    room = ROOM
    look_s = 3.0
    events = ("laws_tried", "laws_not_tried")

    def __init__(
        self,
        snapshot: Snapshot,
        store: KeyValueStore,
        laws: LawCheck,
        *,
        root: str,
        term: Term,
        effort: Effort,
        idle: Callable[[], bool],
    ) -> None:
        super().__init__(snapshot, store, root=root, term=term)
        self._laws = laws
        self._effort = effort
        self._idle = idle

    def every(self) -> Iterator[Pair]:
        yield from every_pair(self._snapshot)

    def is_judged(self, thing: Pair) -> bool:
        return tried(self._snapshot, thing)

    def inputs(self, thing: Pair) -> str:
        return inputs_of(self._snapshot, thing)

    def may_go_on(self) -> bool:
        return self._idle()

    async def judge(self, thing: Pair, inputs: str) -> bytes:
        first, second = directions(self._snapshot, thing.family, thing.one, thing.other)
        report = await self._laws.run(first, second, self._effort)
        return record(thing, inputs, report.findings)

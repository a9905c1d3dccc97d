"""Schemas written as raw keys are taken as they stand; here the leader judges afterwards what their family promises.

One pair at a time, in the comparer's own process, with no effect on what any binding reads: a schema that breaks the
promise becomes drift (``core/promiserecord``). What was judged is remembered in the store, so that neither a restart
nor another leader judges it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from versiqiid.core.comparison import Pair, Text
from versiqiid.core.compatibility import Direction
from versiqiid.core.linked import DIALECT, linked
from versiqiid.core.promiserecord import ROOM, Breach, Promise, every_promise, judged, record
from versiqiid.core.registry import json_form
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.engine.afterwards import Afterwards
from versiqiid.engine.writer import Term
from versiqiid.ports import KeyValueStore
from versiqiid.ports.comparing import Comparer


class PromiseWatch(Afterwards[Promise]):
    """Judges every published schema that has to go with others."""

    room = ROOM
    look_s = 1.0
    events = ("promise_judged", "promise_not_judged")

    def __init__(self, snapshot: Snapshot, store: KeyValueStore, comparer: Comparer, *, root: str, term: Term) -> None:
        super().__init__(snapshot, store, root=root, term=term)
        self._comparer = comparer

    def every(self) -> Iterator[Promise]:
        yield from every_promise(self._snapshot)

    def is_judged(self, thing: Promise) -> bool:
        return judged(self._snapshot, thing)

    def inputs(self, thing: Promise) -> str:
        return thing.inputs

    async def judge(self, thing: Promise, inputs: str) -> bytes:  # noqa: ARG002 - a promise carries its own
        return record(thing, await self._breaches(thing))

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
        old, new = (self._text(promise, version) for version in (writer, reader))
        return Pair(
            promise.language,
            old,
            new,
            policy=promise.terms.policy,
            defaults=promise.terms.defaults,
            formats=promise.terms.formats == "assert",
            dialect=json_form.DIALECT if promise.endpoint else None,
            json_form=not promise.endpoint,
        )

    def _text(self, promise: Promise, version: str) -> Text:
        schema = linked(Reads(self._snapshot), promise.language, (promise.family, version))
        return schema.text(json_form.DIALECT if promise.endpoint else DIALECT)

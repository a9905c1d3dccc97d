"""A running engine beside the oracle: the same edits for both, and every difference named."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.engine.world import ROOT, World, running
from tests.oracle.history import Oracle
from tests.oracle.rule import HELD, IN_SYNC, MIGRATED, Expected
from tests.oracle.worlds import ALL_MODULES, Edit
from versiqiid.adapters.memory import MemoryStore
from versiqiid.ports import Delete, Set

STATUS_BYTES_MAX = 30_000


class Disagreement(AssertionError):
    """Product and oracle say different things; the message has the whole history, ready to be run again."""


class Beside:
    """Drives one store and one oracle together; whichever engine runs on the store is judged.

    :ivar seen: how often each state was expected, to see that a search looks at all of them.
    """

    def __init__(self, store: Any, seen: Counter[str] | None = None) -> None:
        self.store = store
        self.oracle = Oracle()
        self.history: list[Edit] = []
        self.fresh: set[str] = set()  # keys edited since the last comparison
        self.before: dict[str, dict[str, Any]] = {}
        self.seen: Counter[str] = Counter() if seen is None else seen

    async def edit(self, keys: Edit) -> None:
        """Apply one transaction to both."""
        self.history.append(keys)
        self.fresh |= keys.keys()
        self.oracle.edit(keys)
        operations = [
            Delete(f"{ROOT}/{key}") if value is None else Set(f"{ROOT}/{key}", value) for key, value in keys.items()
        ]
        await self.store.commit(operations)

    async def compare(self, world: World) -> None:
        """Wait until the engine is at rest, and compare everything under ``effective/`` and ``status/``.

        :raises Disagreement: naming every difference.
        """
        self.oracle.settle()
        await world.settled()
        differences = [one async for one in self._differences(world)]
        for wanted in self.oracle.expected.values():
            self.seen[wanted.state] += 1
        if differences:
            raise Disagreement("\n".join([*differences, "after:", *map(repr, self.history)]))

    async def _differences(self, world: World) -> AsyncIterator[str]:
        found = shaped(await world.tree("effective"))
        for name in sorted(found.keys() | self.oracle.effective.keys()):
            if found.get(name) != self.oracle.effective.get(name):
                yield f"effective/{name}: is {found.get(name)!r}, should be {self.oracle.effective.get(name)!r}"
        statuses = {name: json.loads(raw) for name, raw in shaped(await world.tree("status")).items()}
        for name in sorted(statuses.keys() | self.oracle.expected.keys()):
            wanted, status = self.oracle.expected.get(name), statuses.get(name)
            if wanted is None or status is None:
                yield f"status/{name}: is {status}, should be {wanted}"
            elif faults := await self._faults(name, wanted, status):
                yield f"status/{name}: {', '.join(faults)}; is {status}, should be {wanted}"
        self.before = statuses
        self.fresh.clear()

    async def _faults(self, name: str, wanted: Expected, status: dict[str, Any]) -> list[str]:
        faults = judge_status(wanted, status)
        effective = self.oracle.effective.get(name)
        if status["effectiveDigest"] != (digest(effective) if effective is not None else None):
            faults.append("effectiveDigest")
        if status["source"] and wanted.source:
            entry = await self.store.get(f"{ROOT}/{wanted.source}")
            told = (status["source"]["revision"], status["source"]["digest"])
            if told != (entry.revision, digest(entry.value)):
                faults.append("source's revision or digest")
        before = self.before.get(name)
        moving = ("observedAt", "journal", "correlationId")
        healed = {f"effective/{name}", f"status/{name}"} & self.fresh
        if before and not healed and before != status and without(before, *moving) == without(status, *moving):
            faults.append("observedAt moved alone")
        return faults


def shaped(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Without the keys that are too short to belong to any binding: outside the grammar, they change nothing."""
    return {name: value for name, value in tree.items() if name.count("/") >= 2}


def without(status: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name not in names}


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def judge_status(wanted: Expected, status: dict[str, Any]) -> list[str]:
    """Which fields are not what the rule says."""
    faults = []
    told = {
        "state": status["state"],
        "version": status["targetVersion"],
        "schema": status["schemaVersion"],
        "source": status["source"] and status["source"]["key"],
    }
    certain = wanted.state != HELD
    for field, value in told.items():
        should = getattr(wanted, field)
        if value != should and (certain or field == "state"):
            faults.append(field)
    steps = tuple((step["from"], step["to"]) for step in status["steps"])
    if (wanted.state in (IN_SYNC, MIGRATED) and steps != wanted.steps) or steps != wanted.steps[: len(steps)]:
        faults.append("steps")
    if (status["reason"] == "") != (wanted.state == IN_SYNC) and wanted.state != MIGRATED:
        faults.append("reason")
    pointers = {violation["pointer"] for violation in status["violations"]}
    if wanted.pointers is not None and pointers != wanted.pointers:
        faults.append("violations")
    if len(json.dumps(status)) > STATUS_BYTES_MAX:
        faults.append("size")
    return faults


async def follow(
    folder: Path, history: list[Edit], seen: Counter[str] | None = None, *, stops: frozenset[int] = frozenset()
) -> None:
    """Run a whole history in a fresh engine, all modules beforehand.

    :param stops: numbers of the edits that are made while no engine runs; the next one has the same store and journal.
    :raises Disagreement: at the first edit after which product and oracle differ.
    """
    try:
        await beside_each_other(folder, history, Beside(MemoryStore(), seen), stops)
    except* Disagreement as found:
        raise plain(found) from None


async def beside_each_other(folder: Path, history: list[Edit], beside: Beside, stops: frozenset[int]) -> None:
    await beside.edit(ALL_MODULES)
    number = 0
    while number < len(history):
        async with running(folder, beside.store) as world:
            await beside.compare(world)
            while number < len(history) and number not in stops:
                await beside.edit(history[number])
                await beside.compare(world)
                number += 1
        while number in stops and number < len(history):
            await beside.edit(history[number])
            number += 1
    async with running(folder, beside.store) as world:
        await beside.compare(world)


def plain(error: BaseException) -> BaseException:
    """The one error inside of groups of one."""
    return plain(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error

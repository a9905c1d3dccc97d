"""Two hosts write to one family at once: what was judged without the other's write is judged again, or not written.

The race is forced, not hoped for: the last inspection of the first host lets the second host write everything it has,
so that the first one's verdict is old when its commit is sent.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from tests.engine.test_promises import HereComparer
from tests.engine.world import ROOT, InProcessValidator, journal_at, raw
from tests.services.consul import Consul
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.validation.registrar import ProcessReader
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.api.expectation import ANYTHING
from versiqiid.api.marks import ROOM
from versiqiid.api.migrations import Migrations
from versiqiid.api.registry.faults import RegistryFault
from versiqiid.api.registry.registry import Registry, open_registry
from versiqiid.api.registry.writing import Wanted
from versiqiid.api.schema_report import IncompatibleSchema
from versiqiid.api.schema_rules import SchemaRules
from versiqiid.api.schemas import Schemas
from versiqiid.api.service import Service, Write
from versiqiid.core.laws import LawBroken
from versiqiid.core.registry.content import Content, SchemaType, Text
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.facts import Attribution
from versiqiid.engine.gate import JournalGate
from versiqiid.errors import InvalidInput, Refused, TooLarge
from versiqiid.ports import Journal, KeyValueStore, Set, StoreLimits

pytestmark = pytest.mark.anyio

BY = Attribution(correlation_id="race")


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


DEPTH = {"depth": {"type": "integer", "minimum": 0, "maximum": 9}}
WITH_TEXT, WITH_NUMBER = closed(**DEPTH, mode={"type": "string"}), closed(**DEPTH, mode={"type": "integer"})
KEYS = {
    "families/f": {"compatibility": "BACKWARD_TRANSITIVE"},
    "schemas/f/1.0.0": closed(**DEPTH),
}


@dataclass
class Host:
    """The use cases of one process, with the checks that its REST face has."""

    service: Service
    registry: Registry
    judged: list[int] = field(default_factory=list)

    async def put(self, key: str, value: Any) -> None:
        await self.service.put(key, raw(value), expect=ANYTHING, by=BY)

    def before_the_write(self, act: Callable[[], Awaitable[Any]]) -> None:
        """Once, when everything of a write was judged and nothing of it was sent."""
        self.judged.clear()

        async def gate(writes: Sequence[Write]) -> None:
            self.judged.append(len(writes))
            if len(self.judged) == 1:
                await act()

        self.service.inspections.append(gate)


def host(name: str, store: KeyValueStore, journal: Journal, reader: ProcessReader) -> Host:
    gate, attributions = JournalGate(journal, PrometheusMetrics(version="test")), Attributions(name)
    service = Service(store, gate, attributions, root=ROOT)
    validator = InProcessValidator()
    migrations = Migrations(service, validator, WasmRuntime())
    rules = SchemaRules(service, Schemas(service, validator, HereComparer()))
    service.inspections += [migrations.check, rules.check]
    return Host(service, open_registry(store, gate, attributions, reader, root=ROOT))


@asynccontextmanager
async def two_hosts(
    folder: Path, keys: dict[str, Any], store: KeyValueStore | None = None
) -> AsyncIterator[tuple[Host, Host]]:
    store, reader = store or MemoryStore(), ProcessReader()
    await store.commit([Set(f"{ROOT}/{key}", raw(value)) for key, value in keys.items()])
    try:
        async with journal_at(folder) as journal:
            yield host("one", store, journal, reader), host("two", store, journal, reader)
    finally:
        await reader.aclose()


async def held(one: Host, prefix: str) -> list[str]:
    listing = await one.service.store.scan(f"{ROOT}/{prefix}")
    return [entry.key.removeprefix(f"{ROOT}/") for entry in listing.entries]


@pytest.fixture(params=["memory", pytest.param("consul", marks=pytest.mark.consul)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[KeyValueStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    server: Consul = request.getfixturevalue("consul")
    async with ConsulStore.connect(ConsulSettings(parse_addresses(f"consul://{server.address}"))) as made:
        yield made


async def test_of_two_schemas_that_do_not_go_together_one_is_written(tmp_path: Path, store: KeyValueStore) -> None:
    """Each goes with what is there. The one that lost the race is judged against the one that won it."""
    async with two_hosts(tmp_path, KEYS, store) as (one, two):
        one.before_the_write(lambda: two.put("schemas/f/1.1.0", WITH_TEXT))
        with pytest.raises(IncompatibleSchema):
            await one.put("schemas/f/1.2.0", WITH_NUMBER)
        assert await held(one, "schemas/f/") == ["schemas/f/1.0.0", "schemas/f/1.1.0"]


async def test_schemas_that_go_together_are_both_written_and_judged_twice(tmp_path: Path) -> None:
    async with two_hosts(tmp_path, KEYS) as (one, two):
        one.before_the_write(lambda: two.put("schemas/f/1.1.0", WITH_TEXT))
        await one.put("schemas/f/1.2.0", closed(**DEPTH, mode={"type": "string"}, tag={"type": "string"}))
        assert len(one.judged) == 2
        assert len(await held(one, "schemas/f/")) == 3


async def test_the_two_directions_of_a_pair_that_breaks_the_laws(tmp_path: Path) -> None:
    """Neither direction can be tried alone; the second of them is, with the first."""
    keys = KEYS | {"families/f": {}, "schemas/f/2.0.0": closed(level={"type": "integer"})}
    up = {"runtime": "json-patch", "patch": [{"op": "move", "from": "/depth", "path": "/level"}]}
    down = {"runtime": "json-patch", "patch": [{"op": "replace", "path": "", "value": {"depth": 3}}]}
    async with two_hosts(tmp_path, keys) as (one, two):
        one.before_the_write(lambda: two.put("migrations/f/2.0.0/1.0.0", down))
        with pytest.raises(LawBroken):
            await one.put("migrations/f/1.0.0/2.0.0", up)
        assert await held(one, "migrations/f/") == ["migrations/f/2.0.0/1.0.0"]


async def test_a_successor_does_not_go_while_it_is_named(tmp_path: Path) -> None:
    keys = KEYS | {"schemas/f/1.1.0": WITH_TEXT}
    async with two_hosts(tmp_path, keys) as (one, two):
        one.before_the_write(lambda: two.service.delete("schemas/f/1.1.0", expect=ANYTHING, by=BY))
        with pytest.raises(Refused, match="successor"):
            await one.put("lifecycle/f/1.0.0", {"state": "deprecated", "successor": "1.1.0"})
        assert await held(one, "lifecycle/") == []


async def test_a_draft_is_not_published_with_a_text_that_nobody_judged(tmp_path: Path) -> None:
    draft = {"schemas/f/1.1.0": WITH_TEXT, "lifecycle/f/1.1.0": {"state": "draft"}}
    async with two_hosts(tmp_path, KEYS | draft) as (one, two):
        one.before_the_write(lambda: two.put("schemas/f/1.1.0", closed(**DEPTH, mode=True) | {"required": ["mode"]}))
        with pytest.raises(IncompatibleSchema):
            await one.put("lifecycle/f/1.1.0", {"state": "published"})
        assert (await one.service.get("lifecycle/f/1.1.0")).raw == raw({"state": "draft"})


async def test_a_text_is_not_changed_that_was_published_meanwhile(tmp_path: Path) -> None:
    draft = {"schemas/f/1.1.0": WITH_TEXT, "lifecycle/f/1.1.0": {"state": "draft"}}
    async with two_hosts(tmp_path, KEYS | draft) as (one, two):
        one.before_the_write(lambda: two.put("lifecycle/f/1.1.0", {"state": "published"}))
        with pytest.raises(Refused, match="registered schema and cannot be changed"):
            await one.put("schemas/f/1.1.0", WITH_NUMBER)
        assert (await one.service.get("schemas/f/1.1.0")).raw == raw(WITH_TEXT)


async def test_a_family_that_begins_to_promise_holds_for_what_is_under_way(tmp_path: Path) -> None:
    async with two_hosts(tmp_path, KEYS | {"families/f": {"compatibility": "NONE"}}) as (one, two):
        one.before_the_write(lambda: two.put("families/f", KEYS["families/f"]))
        with pytest.raises(IncompatibleSchema):
            await one.put("schemas/f/1.1.0", closed(depth={"type": "string"}))
        assert await held(one, "schemas/f/") == ["schemas/f/1.0.0"]


SEQUENCE = {
    "families/f": {"compatibility": "BACKWARD_TRANSITIVE", "versioning": "sequence", "policy": "STRICT"},
    "schemas/f/1": closed(**DEPTH),
}


def wanted(schema: Any) -> Wanted:
    return Wanted(Content(SchemaType.JSON, json.dumps(schema)))


async def test_keys_against_the_registry_endpoint(tmp_path: Path) -> None:
    """A schema registered over the Schema-Registry protocol counts for a key that is being written."""
    async with two_hosts(tmp_path, SEQUENCE) as (one, two):
        one.before_the_write(lambda: two.registry.writing.register("f", wanted(WITH_TEXT), BY))
        with pytest.raises(IncompatibleSchema):
            await one.put("schemas/f/7", WITH_NUMBER)
        assert await held(one, "schemas/f/") == ["schemas/f/1", "schemas/f/2"]


async def test_the_registry_endpoint_against_keys(tmp_path: Path) -> None:
    """And the other way round: the verdict of the endpoint is old as soon as the key is there."""
    async with two_hosts(tmp_path, SEQUENCE) as (one, two):
        two.registry.state.reader = cast("Any", Interrupted(two, lambda: one.put("schemas/f/7", WITH_NUMBER)))
        with pytest.raises(RegistryFault) as told:
            await two.registry.writing.register("f", wanted(WITH_TEXT), BY)
        assert told.value.status == 409
        assert await held(one, "schemas/f/") == ["schemas/f/1", "schemas/f/7"]


class Interrupted:
    """A reader that judges, and once lets somebody else write before it tells."""

    def __init__(self, of: Host, act: Callable[[], Awaitable[None]]) -> None:
        self._inner, self._act, self._calls = of.registry.state.reader, act, 0

    async def read(self, text: Text) -> Any:
        return await self._inner.read(text)

    async def judge(self, old: Text, new: Text, policy: str) -> tuple[bool, tuple[str, ...]]:
        told = await self._inner.judge(old, new, policy)
        self._calls += 1
        if self._calls == 1:
            await self._act()
        return told


async def test_other_families_and_writes_that_change_nothing_disturb_nobody(tmp_path: Path) -> None:
    """What cannot change a verdict does not cost a second one, and moves no mark."""
    async with two_hosts(tmp_path, KEYS | {"families/g": {}}) as (one, two):

        async def elsewhere() -> None:
            await two.put("schemas/g/1.0.0", "true")
            await two.put("schemas/f/1.0.0", KEYS["schemas/f/1.0.0"])
            await two.put("configs/av/1.0.0/default", {"depth": 1})

        one.before_the_write(elsewhere)
        await one.put("schemas/f/1.1.0", WITH_TEXT)
        assert len(one.judged) == 1
        marks = {key: (await one.service.get(key)).raw for key in await held(one, ROOM)}
        assert marks == {f"{ROOM}f": b'{"count":1}', f"{ROOM}g": b'{"count":1}'}


async def test_writers_of_one_process_wait_instead_of_judging_again(tmp_path: Path) -> None:
    """Ten at once, each judged once; and there is no circle in which two of them wait for each other."""
    async with two_hosts(tmp_path, KEYS | {"families/f": {}, "families/g": {}}) as (one, _):
        seen: list[int] = []

        async def count(writes: Sequence[Write]) -> None:
            seen.append(len(writes))
            await anyio.lowlevel.checkpoint()

        one.service.inspections.append(count)

        async def both(number: int) -> None:
            first, second = ("f", "g") if number % 2 else ("g", "f")
            keys = (f"schemas/{first}/{number}.0.1", f"schemas/{second}/{number}.0.1")
            await one.service.transact([Write("set", key, b"true") for key in keys], by=BY)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for number in range(10):
                    tasks.start_soon(both, number)
        assert seen == [2] * 10
        assert len(await held(one, "schemas/g/")) == 10


@pytest.mark.parametrize("foreign", [b"", b"{", b'{"count":true}', b'{"count":9007199254740993}', b'{"count":-1}'])
async def test_a_mark_that_somebody_wrote_over_is_moved_all_the_same(tmp_path: Path, foreign: bytes) -> None:
    """The room is no interface, but anybody can write there."""
    async with two_hosts(tmp_path, KEYS | {f"{ROOM}f": foreign}) as (one, two):
        one.before_the_write(lambda: two.put("schemas/f/1.1.0", WITH_TEXT))
        with pytest.raises(IncompatibleSchema):
            await one.put("schemas/f/1.2.0", WITH_NUMBER)


async def test_a_commit_that_is_full_says_what_the_marks_take(tmp_path: Path) -> None:
    small = MemoryStore(limits=StoreLimits(value_bytes_max=512 * 1024, operations_max=3, transaction_bytes_max=10**6))
    async with two_hosts(tmp_path, {}, small) as (one, _):
        with pytest.raises(TooLarge, match="4 operations") as told:
            await one.service.transact([Write("set", f"schemas/f/{n}.0.0", b"true") for n in range(3)], by=BY)
        assert "1 of them" in told.value.hint
        await one.service.transact([Write("set", f"schemas/f/{n}.0.0", b"true") for n in range(2)], by=BY)


async def test_what_is_only_tried_moves_nothing(tmp_path: Path) -> None:
    async with two_hosts(tmp_path, KEYS) as (one, _):
        await one.service.put("schemas/f/1.1.0", raw(WITH_TEXT), expect=ANYTHING, by=BY, validate_only=True)
        with pytest.raises(InvalidInput):
            await one.put("schemas/f/1.1.0", {"type": 7})
        assert await held(one, ROOM) == []

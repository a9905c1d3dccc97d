"""What follows from a fact is a fact of its own: in the same append, caused by it, and recorded exactly once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.engine.world import UP, World, build, journal_at, running, scan_world
from versiqiid.adapters.memory import MemoryStore
from versiqiid.api.history import History
from versiqiid.core.canonical import canonical, digest
from versiqiid.engine.leadership import RESIGN_S
from versiqiid.errors import Unavailable
from versiqiid.ports import Query

pytestmark = pytest.mark.anyio

WHERE = "prod/asia/av/default"
CONFIG = "configs/av/1.0.0/default"


def identity(entry: dict[str, Any]) -> str:
    """What others name an entry by: the leaf hash of RFC 6962."""
    return hashlib.sha256(b"\0" + canonical(entry)).hexdigest()


async def changed(world: World, *many: dict[str, Any]) -> None:
    for keys in many:
        await world.write(keys)
        await world.settled()


async def test_a_config_that_came_through_migrations_is_told_with_its_settlement(tmp_path: Path) -> None:
    """Right behind its settlement and caused by it, with where it came from, how, and what came of it."""
    async with running(tmp_path) as world:
        await changed(world, scan_world())
        assert await world.entries(type="ConfigMigrated") == [], "nothing was migrated yet"
        await changed(world, {"envs/prod/asia/av/version": "2.1.3"})
        (told,) = await world.entries(type="ConfigMigrated")
        settled = (await world.entries(type="EffectiveApplied"))[-1]
        step = digest(json.dumps({"runtime": "json-patch", "patch": UP}).encode())
        assert told["position"] == settled["position"] + 1
        assert told["causationId"] == identity(settled)
        assert (told["correlationId"], told["stream"]) == (settled["correlationId"], "config/av/1.0.0/default")
        source = await world.store.get(f"versiqii/{CONFIG}")
        assert told["data"] == {
            "binding": WHERE, "environment": "prod/asia", "target": "av", "name": "default",
            "config": CONFIG, "from": "1.0.0", "to": "2.0.0", "targetVersion": "2.1.3",
            "source": {"key": CONFIG, "revision": source.revision, "digest": digest(source.value)},
            "steps": [
                {"from": "1.0.0", "to": "2.0.0", "runtime": "json-patch", "digest": step, "lossy": False,
                 "manifest": step},
            ],
            "effectiveDigest": digest(await world.get(f"effective/{WHERE}") or b""),
            "previousDigest": digest(b'{"depth":3}'),
        }  # fmt: skip
        status = await world.status(WHERE)
        assert status is not None
        assert status["journal"] == settled["position"]


async def test_each_migrated_settlement_has_exactly_one(tmp_path: Path) -> None:
    """Migrated, and so told: one behind each settlement that says so, none behind another or a mere healing."""
    async with running(tmp_path) as world:
        up, down = {"envs/prod/asia/av/version": "2.1.3"}, {"envs/prod/asia/av/version": "1.4.0"}
        await changed(world, scan_world(), up, {CONFIG: {"depth": 5}}, {f"effective/{WHERE}": {"evil": 1}}, down, up)
        entries = await world.entries()
    settled = [e for e in entries if e["type"] == "EffectiveApplied" and e["data"]["state"] == "Migrated"]
    told = [e for e in entries if e["type"] == "ConfigMigrated"]
    assert [e["causationId"] for e in told] == [identity(e) for e in settled]
    assert len(told) == 3
    assert [e["type"] for e in entries].count("ForeignWriteHealed") == 1


async def test_the_revisions_of_a_config_are_its_writes_alone(tmp_path: Path) -> None:
    """A migration for a binding is no revision of the config."""
    async with running(tmp_path) as world:
        await changed(world, scan_world(), {"envs/prod/asia/av/version": "2.1.3"}, {CONFIG: {"depth": 5}})
        page = await History(world.journal).page(CONFIG)
        assert [revision.type for revision in page.items] == ["ConfigRevised", "ConfigRevised"]


KINDS: dict[str, Any] = {
    "families/scan": "FamilyRemoved",
    "schemas/scan/2.0.0": "SchemaRemoved",
    "lifecycle/scan/1.0.0": "KeyDeleted",
    "migrations/scan/1.0.0/2.0.0": "MigrationRemoved",
    f"modules/{'a' * 64}": "ModuleRemoved",
    f"modules/{'b' * 64}/0": "ModuleRemoved",
    "targets/av": "TargetRemoved",
    "targets/av/1.4.0": "TargetRemoved",
    "envs/prod/asia/av/version": "TargetVersionRemoved",
    CONFIG: "ConfigDeleted",
    "bindings/prod/av/default": "BindingRemoved",
    "policies/p": "PolicyRemoved",
    "annotations/configs/av/1.0.0/default": "AnnotationRemoved",
    "hosts/h1/av": "KeyDeleted",
}


async def test_every_deletion_leaves_exactly_one_entry_of_its_key(tmp_path: Path) -> None:
    """Whatever key people or hosts write: its end is told by a type that says so, with what was there before."""
    there = {key: {"state": "deprecated"} if key.startswith("lifecycle") else "{}" for key in KINDS} | scan_world()
    async with running(tmp_path) as world:
        await changed(world, there)
        before = {key: await world.get(key) for key in KINDS}
        for key, kind in KINDS.items():
            await changed(world, {key: None})
            last = [e for e in await world.entries(key=key) if "digest" not in e["data"]["observed"]]
            assert [e["type"] for e in last] == [kind], key
            assert last[0]["data"]["digest"] is None
            assert last[0]["data"]["previousDigest"] == digest(before[key] or b"")


async def test_a_schema_version_is_published_when_its_lifecycle_key_goes(tmp_path: Path) -> None:
    """Absent means published: that is told too, caused by the deletion, unless it stood there already."""
    key = "lifecycle/scan/1.0.0"
    async with running(tmp_path) as world:
        await changed(world, scan_world(), {key: {"state": "draft"}}, {key: None})
        deleted, published = (await world.entries(stream="lifecycle/scan/1.0.0"))[-2:]
        assert [e["type"] for e in (deleted, published)] == ["KeyDeleted", "SchemaPublished"]
        assert published["causationId"] == identity(deleted)
        assert published["data"] == {"key": key, "family": "scan", "version": "1.0.0", "state": "published"}
        await changed(world, {key: {"state": "published"}}, {key: None})
        kinds = [e["type"] for e in await world.entries(stream="lifecycle/scan/1.0.0")]
        assert kinds[-2:] == ["SchemaPublished", "KeyDeleted"]


async def test_a_leader_that_stops_says_so_before_the_next_one_leads(tmp_path: Path) -> None:
    """The end of a term stands in the journal before the beginning of the next, and follows from its own beginning."""
    store = MemoryStore()
    async with journal_at(tmp_path) as journal:
        for name in ("one", "two"):
            engine = build(store, journal, name=name)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.run)
                await World(store, journal, engine).settled()
                tasks.cancel_scope.cancel()
        entries = [json.loads(e.entry) for e in await journal.read(Query(stream="leader/versiqii"))]
        assert [(e["type"], e["data"]["leader"]) for e in entries] == [
            ("LeaderElected", "one"), ("LeaderResigned", "one"), ("LeaderElected", "two"), ("LeaderResigned", "two"),
        ]  # fmt: skip
        for elected, resigned in (entries[:2], entries[2:]):
            assert resigned["causationId"] == identity(elected)
            assert resigned["correlationId"] == elected["correlationId"]
            assert resigned["data"]["epoch"] == elected["data"]["epoch"]


class Stuck:
    """A journal whose appends hang, or fail, once it is told so."""

    def __init__(self, journal: Any, how: str) -> None:
        self._journal, self._how, self.now = journal, how, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, *given: Any, **named: Any) -> Any:
        if self.now and self._how == "away":
            raise Unavailable("the journal is away")
        if self.now:
            await anyio.sleep_forever()
        return await self._journal.append(*given, **named)


@pytest.mark.parametrize("how", ["away", "silent"])
async def test_a_journal_that_does_not_answer_keeps_nobody_from_leading(tmp_path: Path, how: str) -> None:
    """The lead is handed back all the same: the store's lock is free, though the entry could not be written."""
    assert RESIGN_S <= 0.5, "a standby takes over within a second"
    store = MemoryStore()
    async with journal_at(tmp_path) as journal:
        stuck = Stuck(journal, how)
        engine = build(store, stuck)  # type: ignore[arg-type]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run)
            await World(store, journal, engine).settled()
            stuck.now = True
            tasks.cancel_scope.cancel()
        assert await store.holder("versiqii/_system/leader") is None
        assert (await journal.read(Query(limit=1, descending=True)))[0].type != "LeaderResigned"

"""Every entry type as the product makes it, sent as it is sent to Kafka, against its schema and the AsyncAPI document.

An engine runs over a world in which everything happens at least once; what Vault, the API and an authority add is made
by the very functions that the daemon calls.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.engine.test_rollback import do
from tests.engine.world import ROOT, UP, World, journal_at, running, scan_world
from versiqiid.adapters.vault import told
from versiqiid.adapters.vault.client import Grant
from versiqiid.adapters.vault.settings import VaultSettings
from versiqiid.api.registry.commits import Keys
from versiqiid.api.registry.policies import Policies
from versiqiid.api.registry.state import State
from versiqiid.api.rest.witness import Witness
from versiqiid.core.canonical import digest
from versiqiid.core.cloudevent import Source, latest, message
from versiqiid.core.events import CATALOGUE, Topic, asyncapi, event_schema, topics_of
from versiqiid.core.registry.content import Form, Text
from versiqiid.engine.access import AccessLog
from versiqiid.engine.audit import sign_on_request
from versiqiid.engine.facts import DAEMON, Attribution
from versiqiid.engine.retention import Retention
from versiqiid.engine.timestamping import stamp_newest
from versiqiid.errors import Forbidden
from versiqiid.ports import Query, Recorded
from versiqiid.testing.journal_tools import LocalSigner

pytestmark = pytest.mark.anyio

BINDING = "prod/asia/av/default"
MODULE = b"\0asm\1\0\0\0"
REPORT: dict[str, Any] = {"environment": "prod/asia", "version": "1.4.0", "state": "InSync", "reason": ""}


async def steps(world: World, *many: dict[str, Any]) -> None:
    for keys in many:
        await world.write(keys)
        await world.settled()


async def keys_change(world: World) -> None:
    """Each kind of key appears, changes and goes; a config is refused, held, healed and taken away."""
    module = f"modules/{digest(MODULE).removeprefix('sha256:')}"
    policy, note = "policies/p", "annotations/configs/av/1.0.0/default"
    await steps(
        world,
        scan_world() | {module: MODULE, policy: "a", note: '{"commit": "abc"}', "hosts/h1/av": REPORT},
        {
            module: b"other",
            policy: "b",
            "configs/av/1.0.0/more": {"depth": 1},
            "lifecycle/scan/1.0.0": {"state": "draft"},
        },
        {
            "lifecycle/scan/1.0.0": {
                "state": "deprecated",
                "successor": "2.0.0",
                "sunset": "2027-01-01",
                "reason": "old",
            }
        },
        {"lifecycle/scan/1.0.0": {"state": "published"}, "bindings/prod/av/default": {"hold": True}},
        {"bindings/prod/av/default": "", "configs/av/1.0.0/default": {"depth": "deep"}},
        {"configs/av/1.0.0/default": {"depth": 4}, "configs/av/1.0.0/more": None, policy: None, note: None},
        {f"effective/{BINDING}": {"depth": 666}, "lifecycle/scan/1.0.0": None},
        {"hosts/h1/av": REPORT | {"lastReload": {"at": "x", "outcome": "ok"}}},
        {"hosts/h1/av": REPORT | {"state": "Restored", "reason": "probe failed"}},
        {"envs/prod/asia/av/version": "2.0.0"},
        {"envs/prod/asia/av/version": "1.4.0", "hosts/h1/av": None},
        {"schemas/scan/2.0.0": {}, "migrations/scan/1.0.0/2.0.0": {"runtime": "json-patch", "patch": [*UP, UP[0]]}},
        {"schemas/scan/2.0.0": None, "migrations/scan/1.0.0/2.0.0": None, module: None},
    )
    (first, *_) = await world.entries(key="configs/av/1.0.0/default")
    await do(world, world.store, "back", subject="configs/av/1.0.0/default", to=str(first["data"]["revision"]))
    await steps(world, {"targets/av": None}, {"families/scan": None}, {"envs/prod/asia/av/version": None})
    await steps(world, {"bindings/prod/av/default": None})


async def access_facts(world: World) -> None:
    """What the life of credentials and requests at the API tell."""
    log = AccessLog(world.engine.gate.append)
    log.begin()
    settings = VaultSettings(address="http://127.0.0.1:1", token="t", consul_role="versiqiid")
    old, new = (
        Grant(name, 60.0, renewable=True, lease_id=f"lease-{name}", accessor=f"accessor-{name}")
        for name in ("old", "new")
    )
    refused = Forbidden("vault said no")
    for fact in (
        told.logged_in(settings, old), told.issued(settings, old), told.used(settings, old, None),
        told.used(settings, new, old), told.revoked(settings, old, "replaced"), told.logged_out(settings, new, "stop"),
        told.refused(settings, refused, login=True), told.refused(settings, refused, login=False),
    ):  # fmt: skip
        log.tell(fact)
    await requests(log.tell)
    async with log.running():
        pass


async def requests(tell: Any) -> None:
    """Somebody known, somebody unknown, and somebody who may not."""

    def answering(status: int, body: bytes) -> Any:
        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": body})

        return app

    async def nothing(*_: Any) -> None:
        return None

    for status, actor in ((200, "token-1"), (401, None), (403, "token-1")):
        body = json.dumps({"detail": "not yours"}).encode()
        scope = {"type": "http", "method": "PUT", "path": "/v1/configs/a/1/b", "headers": [], "client": ("10.0.0.1", 1)}
        witness = Witness(answering(status, body), tell, lambda: 0.0)
        await witness(scope | ({"versiqii.actor": actor} if actor else {}), nothing, nothing)


class Unread:
    """A setting asks for no schema."""

    async def read(self, text: Text) -> Form:
        pytest.fail(f"a setting asked to have a schema read: {text}")

    async def judge(self, old: Text, new: Text, policy: str) -> tuple[bool, tuple[str, ...]]:
        pytest.fail(f"a setting asked to have schemas compared: {old}, {new}, {policy}")


class Authority:
    place = "https://tsa.example"

    async def stamp(self, data: bytes) -> tuple[bytes, str]:
        return b"stamped " + data, "2026-03-01T12:00:00Z"


class Archive:
    """Holds every document."""

    place = "s3://archive"

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    async def documents(self) -> set[str]:
        return {digest for digest, _ in await self._journal.documents("", 10_000)}


async def checkpoints(world: World) -> None:
    await sign_on_request(world.journal, LocalSigner(world.journal.origin), actor=DAEMON, correlation_id="asked")
    await stamp_newest(world.journal, Authority(), actor=DAEMON)
    journal: Any = world.journal
    archive: Any = Archive(journal)
    assert await Retention(journal, 0, DAEMON, lambda: time.time() + 60).run(archive)


async def registry_facts(world: World) -> None:
    """What the registry's own records tell; its schemas are facts of keys."""
    engine = world.engine
    keys = Keys(world.store, engine.gate, engine.attributions, root=ROOT)
    await Policies(State(keys, Unread())).set(
        "scan-value", {"compatibilityLevel": "FULL"}, Attribution(correlation_id="asked")
    )


def check(entry: Recorded, document: dict[str, Any], source: Source) -> None:
    """The event on each topic is what the document and its schema say."""
    for topic in topics_of(entry.type):
        sent = (latest if topic is Topic.STATE else message)(entry.entry, source)
        described = document["components"]["messages"][entry.type]
        assert described["name"] == dict(sent.headers)["ce_type"].decode()
        channel = document["channels"][topic.value]
        assert entry.type in channel["messages"]
        headers = {name: value.decode() for name, value in sent.headers}
        Draft202012Validator(document["components"]["schemas"]["CloudEventHeaders"]).validate(headers)
        if sent.body is None:
            assert (topic, entry.type) == (Topic.STATE, "EffectiveRemoved")
            continue
        body = json.loads(sent.body)
        Draft202012Validator(described["payload"]["schema"]).validate(body)
        Draft202012Validator(event_schema(entry.type)).validate(body)


async def test_every_type_is_made_and_fits_its_schema(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        await keys_change(world)
        await access_facts(world)
        await registry_facts(world)
        await checkpoints(world)
    async with journal_at(tmp_path) as journal:
        entries = await journal.read(Query(limit=10_000))
        source = Source(journal.origin)
    document = asyncapi(schema_base=source.schema_base)
    for entry in entries:
        check(entry, document, source)
    made = {entry.type for entry in entries}
    assert made - set(CATALOGUE) == set(), "sent, and described nowhere"
    assert set(CATALOGUE) - made == set(), "described, and never sent"

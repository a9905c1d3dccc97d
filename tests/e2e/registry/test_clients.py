"""Clients by others against the endpoint: every verb that they have. None of them knows of this project.

``confluent_kafka``: the makers' own, waiting and async. ``franz-go``: ``tests/services/registrycheck`` drives it.
"""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    AsyncSchemaRegistryClient,
    ConfigCompatibilityLevel,
    Metadata,
    MetadataProperties,
    Schema,
    SchemaRegistryClient,
    ServerConfig,
    header_schema_id_serializer,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from tests.e2e.processes import Daemon
from tests.e2e.registry.client import BREAKING, ONE, TWO, Registry, record
from tests.services.tools import REGISTRYCHECK

ASSOCIATIONS = {"create_association", "delete_associations", "get_associations_by_resource_name"}
"""The makers' own extension, which the endpoint does not have."""

NOTE = record("Note", {"name": "text", "type": "string"})
FIRST, SECOND = Schema(ONE, "AVRO"), Schema(TWO, "AVRO")


class Verbs:
    """A client whose answers are awaited where they have to be, and whose used verbs are counted."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.used: set[str] = set()

    async def __call__(self, verb: str, *words: Any, **more: Any) -> Any:
        self.used.add(verb)
        told = getattr(self.client, verb)(*words, **more)
        return await told if inspect.isawaitable(told) else told

    @property
    def left_out(self) -> set[str]:
        verbs = {name for name, _ in inspect.getmembers(self.client, inspect.ismethod) if not name.startswith("_")}
        return verbs - self.used - {"close", "aclose", "config", "new_client"}


async def versions(call: Verbs, subject: str) -> None:
    number = await call("register_schema", subject, FIRST)
    full = await call("register_schema_full_response", subject, SECOND)
    assert (full.version, full.schema.schema_str, full.subject) == (2, TWO, subject)
    await call("clear_caches")
    assert (await call("get_schema", number)).schema_str == ONE
    assert (await call("get_schema_by_guid", full.guid)).schema_str == TWO
    assert subject in await call("get_subjects_by_schema_id", number)
    assert (subject, 1) in [(each.subject, each.version) for each in await call("get_schema_versions", number)]
    assert (await call("lookup_schema", subject, FIRST)).version == 1
    assert (await call("get_latest_version", subject)).version == 2
    assert (await call("get_version", subject, 1)).schema_id == number
    assert await call("get_versions", subject) == [1, 2]
    assert await call("get_referenced_by", subject, 1) == []
    assert await call("get_subjects", subject_prefix=subject) == [subject]
    owned = Metadata(tags=None, properties=MetadataProperties({"owner": "me"}), sensitive=None)
    await call("register_schema", subject, Schema(TWO, "AVRO", metadata=owned))
    assert (await call("get_latest_with_metadata", subject, {"owner": "me"})).version == 3
    assert set(await call("get_schema_types")) == {"AVRO", "JSON", "PROTOBUF"}
    assert "." in await call("get_contexts")
    await call("clear_latest_caches")


async def settings(call: Verbs, subject: str) -> None:
    assert await call("test_compatibility", subject, Schema(BREAKING, "AVRO")) is False
    assert await call("test_compatibility_all_versions", subject, SECOND) is True
    await call("set_compatibility", subject, "FULL")
    assert await call("get_compatibility", subject) == "FULL"
    await call("set_config", subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    told = await call("get_config", subject)
    assert told.compatibility_level == "NONE"
    assert (await call("delete_config", subject)).compatibility_level == "NONE"
    assert await call("update_mode", subject, "READONLY") == "READONLY"
    assert await call("get_mode", subject) == "READONLY"
    assert await call("delete_mode", subject) == "READONLY"
    assert await call("update_global_mode", "READWRITE") == "READWRITE"
    assert await call("get_global_mode") == "READWRITE"


async def deletions(call: Verbs, subject: str) -> None:
    assert await call("delete_version", subject, 1) == 1
    assert await call("delete_version", subject, 1, permanent=True) == 1
    assert await call("delete_subject", subject) == [2, 3]
    assert await call("delete_subject", subject, permanent=True) == [2, 3]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [SchemaRegistryClient, AsyncSchemaRegistryClient])
async def test_every_verb_of_the_makers_client(
    shared: Daemon, registry: Registry, kind: Callable[[dict[str, str]], Any]
) -> None:
    """Whatever the installed version can ask is asked; a verb that is added one day fails here until it is, too."""
    client = kind({"url": f"{shared.url}/registry"})
    call, subject = Verbs(client), f"verbs/{kind.__name__}"
    try:
        await versions(call, subject)
        await settings(call, subject)
        await deletions(call, subject)
    finally:
        closed = client.aclose() if hasattr(client, "aclose") else client.close()
        if inspect.isawaitable(closed):
            await closed
        registry.ok("DELETE", "/mode")  # the client can set it for all and not take it back
    assert call.left_out == ASSOCIATIONS


def test_a_message_that_names_its_schema_by_guid(shared: Daemon) -> None:
    """The id travels in a header as a guid, and whoever reads it finds the schema by that alone."""
    url = {"url": f"{shared.url}/registry"}
    settings = {"schema.id.serializer": header_schema_id_serializer}
    with closing(SchemaRegistryClient(url)) as writes, closing(SchemaRegistryClient(url)) as reads:
        context = SerializationContext("guided", MessageField.VALUE, [])
        raw = AvroSerializer(writes, NOTE, conf=settings)({"text": "by guid"}, context)
        assert [name for name, _ in context.headers] == ["__value_schema_id"]
        assert AvroDeserializer(reads)(raw, context) == {"text": "by guid"}


def test_every_verb_of_franz_go(shared: Daemon, program: Callable[..., Path]) -> None:
    """A Go client, on schemas, settings, references and deletions."""
    command = [str(program(REGISTRYCHECK)), "run", f"{shared.url}/registry", "franz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")

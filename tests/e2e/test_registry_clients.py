"""confluent-kafka's own registry client and serializers against the endpoint, through a real broker."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    ServerConfig,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, message_factory, timestamp_pb2

from tests.e2e.processes import DEADLINE_S, Daemon
from tests.services.kafka import Kafka

AVRO = '{"type":"record","name":"Scan","fields":[{"name":"depth","type":"int"},{"name":"path","type":"string"}]}'
AVRO_NEXT = (
    '{"type":"record","name":"Scan","fields":[{"name":"depth","type":"long"},{"name":"path","type":"string"},'
    '{"name":"deep","type":"boolean","default":false}]}'
)
JSON = (
    '{"title":"Scan","type":"object","properties":{"depth":{"type":"integer","minimum":0}},"required":["depth"],'
    '"additionalProperties":false}'
)


@pytest.fixture(scope="module")
def client(shared: Daemon) -> Iterator[SchemaRegistryClient]:
    with closing(SchemaRegistryClient({"url": f"{shared.url}/registry"})) as made:
        yield made


def scan_message() -> Any:
    """A message class with an import, as protoc would have made it."""
    file = descriptor_pb2.FileDescriptorProto(name="scan.proto", package="scan.v1", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    message = file.message_type.add(name="Scan")
    message.field.add(name="depth", number=1, type=5, label=1)
    message.field.add(name="path", number=2, type=9, label=1)
    message.field.add(name="at", number=3, type=11, label=1, type_name=".google.protobuf.Timestamp")
    timestamp = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(timestamp)
    return message_factory.GetMessages([timestamp, file])["scan.v1.Scan"]


def through(kafka: Kafka, topic: str, value: bytes) -> bytes:
    """The value as a consumer gets it from the broker."""
    producer = Producer({"bootstrap.servers": kafka.address})
    producer.produce(topic, value)
    assert producer.flush(DEADLINE_S) == 0
    settings = {"bootstrap.servers": kafka.address, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
    with closing(Consumer(settings)) as consumer:
        consumer.subscribe([topic])
        for _ in range(DEADLINE_S):
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                return bytes(message.value())
    raise AssertionError("nothing came")


Pair = tuple[Callable[..., bytes], Callable[..., Any], Any]


def avro(client: SchemaRegistryClient) -> Pair:
    return AvroSerializer(client, AVRO), AvroDeserializer(client), {"depth": 3, "path": "/"}


def json_schema(client: SchemaRegistryClient) -> Pair:
    return JSONSerializer(JSON, client), JSONDeserializer(JSON, schema_registry_client=client), {"depth": 3}


def protobuf(client: SchemaRegistryClient) -> Pair:
    kind = scan_message()
    value = kind(depth=3, path="/")
    value.at.seconds = 7
    return ProtobufSerializer(kind, client), ProtobufDeserializer(kind, schema_registry_client=client), value


@pytest.mark.kafka
@pytest.mark.parametrize("language", [avro, json_schema, protobuf])
def test_a_message_goes_through_the_broker(
    client: SchemaRegistryClient, shared_kafka: Kafka, language: Callable[[SchemaRegistryClient], Pair]
) -> None:
    """What a serializer writes after registering its schema, a deserializer reads by the id alone."""
    serialize, deserialize, value = language(client)
    topic = f"registry-{uuid.uuid4().hex}"
    context = SerializationContext(topic, MessageField.VALUE)
    raw = through(shared_kafka, topic, serialize(value, context))
    assert deserialize(raw, context) == value
    stored = client.get_latest_version(f"{topic}-value")
    assert int.from_bytes(raw[1:5]) == stored.schema_id


@pytest.mark.kafka
def test_an_older_message_is_read_with_the_newer_schema(client: SchemaRegistryClient, shared_kafka: Kafka) -> None:
    """Written with version 1, read as version 2: promoted, and the new field with its default."""
    topic = f"registry-{uuid.uuid4().hex}"
    context = SerializationContext(topic, MessageField.VALUE)
    raw = through(shared_kafka, topic, AvroSerializer(client, AVRO)({"depth": 3, "path": "/"}, context))
    client.register_schema(f"{topic}-value", Schema(AVRO_NEXT, "AVRO"))
    read = AvroDeserializer(client, AVRO_NEXT)(raw, context)
    assert read == {"depth": 3, "path": "/", "deep": False}


def test_every_verb_of_the_client(client: SchemaRegistryClient) -> None:
    """Register, look up, list, judge, set and delete, all by the client's own words."""
    first, second = Schema(AVRO, "AVRO"), Schema(AVRO_NEXT, "AVRO")
    number = client.register_schema("verbs/all", first)
    assert client.register_schema("verbs/all", first) == number
    assert client.get_schema(number, "verbs/all").schema_str == AVRO
    assert client.lookup_schema("verbs/all", first).version == 1
    assert client.test_compatibility("verbs/all", second)
    assert client.register_schema("verbs/all", second) > number
    assert client.get_versions("verbs/all") == [1, 2]
    assert client.get_latest_version("verbs/all").schema.schema_str == AVRO_NEXT
    assert client.get_version("verbs/all", 1).schema_id == number
    assert "verbs/all" in client.get_subjects()
    assert "verbs/all" in client.get_subjects_by_schema_id(number)
    assert ("verbs/all", 1) in [(each.subject, each.version) for each in client.get_schema_versions(number)]
    assert set(client.get_schema_types()) == {"AVRO", "JSON", "PROTOBUF"}
    client.set_config("verbs/all", ServerConfig(compatibility=ConfigCompatibilityLevel.FULL))
    assert client.get_config("verbs/all").compatibility_level == "FULL"
    assert client.delete_config("verbs/all").compatibility_level == "FULL"
    assert client.update_mode("verbs/all", "READONLY") == "READONLY"
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("verbs/all", Schema('"string"', "AVRO"))
    assert (refused.value.http_status_code, refused.value.error_code) == (422, 42205)
    assert client.delete_mode("verbs/all") == "READONLY"
    assert client.delete_version("verbs/all", 1) == 1
    assert client.delete_subject("verbs/all") == [2]
    assert client.delete_subject("verbs/all", permanent=True) == [1, 2]


def test_an_incompatible_schema_is_refused(client: SchemaRegistryClient) -> None:
    """409 with the rule that says so."""
    client.register_schema("refused", Schema(AVRO, "AVRO"))
    fields = '{"type":"record","name":"Scan","fields":[{"name":"other","type":"int"}]}'
    with pytest.raises(SchemaRegistryError, match="READER_FIELD_MISSING_DEFAULT_VALUE") as refused:
        client.register_schema("refused", Schema(fields, "AVRO"))
    assert refused.value.http_status_code == 409


def test_a_reference_is_followed(client: SchemaRegistryClient) -> None:
    """A schema that uses another one's name, and the other one's users by id."""
    limits = '{"type":"record","name":"Limits","namespace":"scan","fields":[{"name":"depth","type":"int"}]}'
    outer = '{"type":"record","name":"Job","fields":[{"name":"limits","type":"scan.Limits"}]}'
    client.register_schema("limits", Schema(limits, "AVRO"))
    reference = SchemaReference("scan.Limits", "limits", 1)
    number = client.register_schema("job", Schema(outer, "AVRO", [reference]))
    assert client.get_referenced_by("limits", 1) == [number]
    assert client.get_schema(number).references == [reference]

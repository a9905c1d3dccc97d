"""The Kafka sink on a real broker: what arrives where, in which order, and what is said when it cannot."""

from __future__ import annotations

import json
import sys
import uuid
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from jsonschema import Draft202012Validator

from tests.contract.kafka_events import SOURCE, TYPES, check_arrived, first_copies, read_topic, recorded
from versiqiid.adapters.kafka import KafkaEventSink, KafkaSettings
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.core.cloudevent import Mode, Source, latest, message
from versiqiid.core.events import Described, asyncapi, event_schema
from versiqiid.errors import InvalidSetting, Unavailable

if TYPE_CHECKING:
    from tests.services.kafka import Kafka

pytestmark = [pytest.mark.anyio, pytest.mark.kafka]


@pytest.fixture
def settings(shared_kafka: Kafka) -> KafkaSettings:
    """Topics of this test alone."""
    return KafkaSettings(bootstrap=shared_kafka.address, topic_prefix=f"t{uuid.uuid4().hex[:12]}", publish_timeout_s=20)


def changed(settings: KafkaSettings, **values: Any) -> KafkaSettings:
    fields = ("bootstrap", "topic_prefix", "create_topics", "partitions", "publish_timeout_s", "queue_messages_max")
    return KafkaSettings(**{name: getattr(settings, name) for name in fields} | values)


async def send_all(settings: KafkaSettings, count: int, *, source: Source = SOURCE) -> None:
    sink = KafkaEventSink(settings, source)
    assert await sink.publish([recorded(i) for i in range(count)]) == count
    await sink.aclose()


async def test_every_entry_arrives_once_and_in_order(settings: KafkaSettings) -> None:
    """A thousand entries over seven keys and six partitions, without a duplicate while nothing fails."""
    await send_all(settings, 1000)
    assert check_arrived(settings.bootstrap, f"{settings.topic_prefix}.audit", 1000) == 0


async def test_what_arrives_is_what_was_meant_on_each_topic(settings: KafkaSettings) -> None:
    """Audit has all; drift and state have theirs again with the same ``ce_id``; a removal is a tombstone."""
    await send_all(settings, 10)
    for topic, encode, types in (
        ("audit", message, set(TYPES)),
        ("drift", message, {"DriftDetected", "DriftResolved"}),
        ("state", latest, {"EffectiveApplied", "EffectiveRemoved"}),
    ):
        wanted = [encode(e.entry, SOURCE) for e in (recorded(i) for i in range(10)) if e.type in types]
        got = read_topic(settings.bootstrap, f"{settings.topic_prefix}.{topic}")
        found = {(m.key(), tuple(m.headers()), m.value()) for m in got}
        assert found == {(m.key, m.headers, m.body) for m in wanted}, topic
        assert len(got) == len(wanted)


async def test_real_messages_fit_the_published_documents(settings: KafkaSettings) -> None:
    """Headers and bodies off the wire are valid under the AsyncAPI document and the event schemas."""
    await send_all(settings, 20)
    document = asyncapi(Described(settings.topic_prefix), schema_base=SOURCE.schema_base)
    headers_schema = document["components"]["schemas"]["CloudEventHeaders"]
    by_name = {told["name"]: title for title, told in document["components"]["messages"].items()}
    for channel in document["channels"].values():
        for got in read_topic(settings.bootstrap, channel["address"]):
            headers = {name: value.decode() for name, value in got.headers()}
            Draft202012Validator(headers_schema).validate(headers)
            title = by_name[headers["ce_type"]]
            assert title in channel["messages"]
            assert headers["ce_dataschema"] == event_schema(title, schema_base=SOURCE.schema_base)["$id"]
            if got.value() is not None:
                Draft202012Validator(event_schema(title)).validate(json.loads(got.value()))


async def test_structured_mode(settings: KafkaSettings) -> None:
    """One header, and everything else in the body."""
    source = Source(SOURCE.origin, SOURCE.schema_base, Mode.STRUCTURED)
    await send_all(settings, 1, source=source)
    (got,) = read_topic(settings.bootstrap, f"{settings.topic_prefix}.audit")
    assert got.headers() == [("content-type", b"application/cloudevents+json")]
    assert json.loads(got.value())["id"] == dict(message(recorded(0).entry, SOURCE).headers)["ce_id"].decode()


# From Apache Kafka's own test of its hash: clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java.
MURMUR2 = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


async def test_keys_land_where_the_java_client_would_put_them(settings: KafkaSettings) -> None:
    """``murmur2_random``: another producer on the JVM writes a key to the same partition."""
    sink = KafkaEventSink(settings, SOURCE)
    events = [recorded(i, type="ConfigRevised", stream=key) for i, key in enumerate(MURMUR2)]
    assert await sink.publish(events) == len(events)
    await sink.aclose()
    got = read_topic(settings.bootstrap, f"{settings.topic_prefix}.audit")
    assert {m.key().decode(): m.partition() for m in got} == {
        key: (value & 0x7FFFFFFF) % settings.partitions for key, value in MURMUR2.items()
    }


async def test_a_full_queue_is_waited_for(settings: KafkaSettings) -> None:
    """The client's queue holds ten messages; five hundred entries go through it, and nobody sees a BufferError."""
    await send_all(changed(settings, queue_messages_max=10), 500)
    assert check_arrived(settings.bootstrap, f"{settings.topic_prefix}.audit", 500) == 0


async def test_topics_are_made_as_the_settings_say(settings: KafkaSettings) -> None:
    """Audit is never compacted, state always is; partitions are the setting's; a second look finds no difference."""
    await send_all(settings, 1)
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    names = [f"{settings.topic_prefix}.{role}" for role in ("audit", "drift", "state")]
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])
    configs = {resource.name: future.result(10) for resource, future in asked.items()}
    assert [configs[name]["cleanup.policy"].value for name in names] == ["delete", "delete", "compact"]
    assert configs[names[0]]["retention.ms"].value == str(365 * 86_400_000)
    topics = admin.list_topics(timeout=10).topics
    assert {len(topics[name].partitions) for name in names} == {6}
    again = KafkaEventSink(settings, SOURCE)
    await again.publish([recorded(0)])
    assert again.differences == ()
    await again.aclose()


async def test_topics_that_differ_are_told_and_left_alone(settings: KafkaSettings) -> None:
    """Fewer partitions and a compacted audit topic: said in one sentence each, left as they are, and used."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    audit = f"{settings.topic_prefix}.audit"
    admin.create_topics([NewTopic(audit, 2, 1, config={"cleanup.policy": "compact"})])[audit].result(20)
    sink = KafkaEventSink(settings, SOURCE)
    assert await sink.publish([recorded(0)]) == 1
    await sink.aclose()
    assert f"topic {audit} has 2 partitions, not 6" in sink.differences
    assert f"topic {audit} has cleanup.policy=compact, not delete" in sink.differences
    assert len(admin.list_topics(timeout=10).topics[audit].partitions) == 2


async def test_without_leave_to_create_a_missing_topic_is_named(settings: KafkaSettings) -> None:
    """It is not made behind anybody's back; once somebody made it, the same sink goes on."""
    sink = KafkaEventSink(changed(settings, create_topics=False), SOURCE)
    with pytest.raises(Unavailable, match=rf"{settings.topic_prefix}\.drift"):
        await sink.publish([recorded(0)])
    await send_all(settings, 0)
    other = KafkaEventSink(settings, SOURCE)
    assert await other.publish([recorded(0)]) == 1
    assert await sink.publish([recorded(1)]) == 1
    await other.aclose()
    await sink.aclose()


async def test_a_refused_message_is_never_overtaken(settings: KafkaSettings) -> None:
    """The broker refuses one entry of many on one key: nothing after it arrives before it, in the end all is there.

    The refusal is fatal for the producer (a gap), so this is also the way from a fatal error to a new producer.
    """
    audit = f"{settings.topic_prefix}.audit"
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    admin.create_topics([NewTopic(audit, 6, 1, config={"max.message.bytes": "30000"})])[audit].result(20)
    sink = KafkaEventSink(settings, SOURCE)
    events = [
        recorded(i, type="ConfigRevised", stream="one", data={"x": "y" * (40_000 if i == 30 else 9)}) for i in range(60)
    ]

    async def send_from(position: int) -> int:
        while position < len(events):
            position += await sink.publish(events[position : position + 7])
        return position

    # The client sends a batch, and the broker refuses all of it: entries 28 to 34 with the one that is too large.
    with pytest.raises(Unavailable, match=r"size too large.*\(entry 28\)"):
        await send_from(0)
    with pytest.raises(Unavailable, match=r"size too large.*\(entry 28\)"):
        await send_from(28)
    bigger = ConfigEntry("max.message.bytes", "90000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, audit, incremental_configs=[bigger])
    admin.incremental_alter_configs([resource])[resource].result(10)
    assert await send_from(28) == 60
    await sink.aclose()
    assert first_copies(read_topic(settings.bootstrap, audit)) == {b"one": list(range(60))}


async def test_an_empty_publish_needs_no_broker() -> None:
    """Nothing to send is done already, also when nobody listens."""
    sink = KafkaEventSink(KafkaSettings(bootstrap="127.0.0.1:1"), SOURCE)
    assert await sink.publish([]) == 0
    await sink.aclose()
    await sink.aclose()


async def test_nobody_there_is_unavailable_within_the_timeout() -> None:
    """The address is named, nothing is claimed, the metric says down, and the loop was never blocked."""
    metrics = PrometheusMetrics(version="0")
    sink = KafkaEventSink(KafkaSettings(bootstrap="127.0.0.1:1", publish_timeout_s=0.3), SOURCE, metrics=metrics)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        with pytest.raises(Unavailable, match=r"kafka 127\.0\.0\.1:1"):
            await sink.publish([recorded(0)])
        tasks.cancel_scope.cancel()
    assert ticks > 5
    assert b"versiqii_kafka_up 0.0" in metrics.render()[0]
    await sink.aclose()


async def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    """An embedded daemon imports the adapters' doors and starts without their libraries."""
    doors = ("kafka", "vault", "prometheus", "tokenfile")
    code = "; ".join(f"import versiqiid.adapters.{door}" for door in doors)
    code += (
        "; import sys; print(sorted({'confluent_kafka', 'hvac', 'requests', 'prometheus_client'} & set(sys.modules)))"
    )
    done = await anyio.run_process([sys.executable, "-c", code])
    assert done.stdout == b"[]\n"


async def test_settings_that_cannot_work_are_refused() -> None:
    """A guarantee cannot be switched off, and a setting librdkafka does not know is named, without its value."""
    with pytest.raises(InvalidSetting, match="acks"):
        KafkaSettings(bootstrap="h:1", client={"acks": "0"})
    with pytest.raises(InvalidSetting, match="broker address"):
        KafkaSettings(bootstrap=" ")
    settings = KafkaSettings(bootstrap="127.0.0.1:1", client={"no.such.thing": "hunter2"})
    assert "hunter2" not in repr(settings)
    with pytest.raises(InvalidSetting, match=r"no\.such\.thing") as caught:
        await KafkaEventSink(settings, SOURCE).publish([recorded(0)])
    assert "hunter2" not in str(caught.value)

"""Topics: made when missing and allowed, compared when there; never altered. Blocking calls, for a worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from versiqiid.core.events import Topic
from versiqiid.errors import InvalidSetting, Unavailable

if TYPE_CHECKING:
    from versiqiid.adapters.kafka.settings import KafkaSettings


def ensure_topics(settings: KafkaSettings, timeout_s: float) -> tuple[str, ...]:
    """Return when all topics exist; the answer says, one sentence each, what differs from the settings.

    :raises InvalidSetting: librdkafka does not know, or does not take, one of the client settings.
    :raises Unavailable: no broker answers, or a topic is missing and could not be made. Nothing was sent.
    """
    from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy, and only here when Kafka is used
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    try:
        admin = AdminClient({**settings.connection(), "log_level": 0})  # what is wrong comes as an error
    except KafkaException as error:
        raise InvalidSetting(f"kafka client settings: {_words(error)}", hint="see librdkafka's list of them") from error
    try:
        found = admin.list_topics(timeout=timeout_s).topics
        missing = [role for role in Topic if settings.topic(role) not in found]
        if missing:
            _make(admin, settings, missing, timeout_s)
        return _differences(admin, settings, found, timeout_s)
    except KafkaException as error:
        raise Unavailable(
            f"kafka {settings.bootstrap}: {_words(error)}", hint="entries stay in the journal and are sent later"
        ) from error


def _make(admin: Any, settings: KafkaSettings, missing: list[Topic], timeout_s: float) -> None:
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import NewTopic  # noqa: PLC0415

    names = ", ".join(settings.topic(role) for role in missing)
    if not settings.create_topics:
        raise Unavailable(f"kafka {settings.bootstrap}: no topic {names}", hint="create it, or let the daemon do so")
    wanted = [
        NewTopic(
            settings.topic(role),
            num_partitions=settings.partitions,
            replication_factor=settings.replication,
            config=settings.topic_config(role),
        )
        for role in missing
    ]
    for name, future in admin.create_topics(wanted, operation_timeout=timeout_s, request_timeout=timeout_s).items():
        try:
            future.result(timeout_s)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another replica was first
                raise Unavailable(
                    f"kafka {settings.bootstrap}: cannot create topic {name}: {_words(error)}",
                    hint="create it by hand, or allow this client to",
                ) from error


def _differences(admin: Any, settings: KafkaSettings, found: Any, timeout_s: float) -> tuple[str, ...]:
    """Compare the topics that were there before. A client that may not look at configurations is told just that."""
    from confluent_kafka import KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415

    said: list[str] = []
    there = [role for role in Topic if settings.topic(role) in found]
    for role in there:
        count = len(found[settings.topic(role)].partitions)
        if count != settings.partitions:
            said.append(f"topic {settings.topic(role)} has {count} partitions, not {settings.partitions}")
    resources = [ConfigResource(ResourceType.TOPIC, settings.topic(role)) for role in there]
    answers = admin.describe_configs(resources, request_timeout=timeout_s) if resources else {}
    for resource, future in answers.items():
        role = next(role for role in there if settings.topic(role) == resource.name)
        try:
            held = future.result(timeout_s)
        except KafkaException as error:
            said.append(f"topic {resource.name}: its settings cannot be read: {_words(error)}")
            continue
        for name, want in settings.topic_config(role).items():
            if name in held and held[name].value != want:
                said.append(f"topic {resource.name} has {name}={held[name].value}, not {want}")
    return tuple(said)


def _words(error: Exception) -> str:
    """The client's own sentence, without Python's wrapping of it."""
    inner = error.args[0] if error.args else error
    return str(inner.str()) if hasattr(inner, "str") else str(inner)

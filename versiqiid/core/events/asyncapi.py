"""The AsyncAPI 3.0 document of what the daemon sends: three channels, one message per entry type.

Built from the catalogue; its structure follows https://www.asyncapi.com/docs/reference/specification/v3.0.0 and the
Kafka bindings 0.5.0 (https://github.com/asyncapi/bindings/tree/master/kafka).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from versiqiid.core.cloudevent import Mode, event_type
from versiqiid.core.events.catalogue import CATALOGUE, Topic, topics_of
from versiqiid.core.events.schema import DIALECT, event_schema, fresh

CONSUMER_GROUPS: Final[dict[str, str]] = {
    "analytics": "Counts and trends. Reads audit from the beginning; may lag.",
    "audit": "Keeps every entry elsewhere. Reads audit from the beginning; drops duplicates by ce_id.",
    "alerting": "Tells people. Reads drift from now on.",
}

_BINDINGS: Final = "0.5.0"

_CHANNELS: Final[dict[Topic, tuple[str, list[str]]]] = {
    Topic.AUDIT: ("Every journal entry without exception, in position order per key.", ["delete"]),
    Topic.DRIFT: ("The drift entries again, with the same ce_id.", ["delete"]),
    Topic.STATE: ("The latest effective digest per binding; a tombstone when the binding is gone.", ["compact"]),
}

_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1}

_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes, binary mode.",
    "required": [
        "content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject",
        "ce_correlationid", "ce_causationid", "ce_sequence", "ce_dataschema",
    ],
    "properties": {
        "content-type": {"const": "application/json"},
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "RFC 6962 leaf hash of the entry."},
        "ce_source": {"type": "string", "pattern": "^//", "description": "The journal's origin."},
        "ce_type": {"type": "string", "pattern": r"^io\.versiqii\.[A-Za-z]+\.v1$"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {**_TEXT, "description": "The stream, which is also the key."},
        "ce_correlationid": _TEXT,
        "ce_causationid": _TEXT,
        "ce_sequence": {"type": "string", "pattern": "^[0-9]{20}$", "description": "The position in the journal."},
        "ce_dataschema": {"type": "string", "format": "uri"},
        "ce_traceparent": {"type": "string", "description": "Absent when unknown."},
        "traceparent": {"type": "string", "description": "Absent when unknown."},
    },
}  # fmt: skip


_STRUCTURED_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0, structured mode: the attributes stand in the body.",
    "required": ["content-type"],
    "properties": {
        "content-type": {"const": "application/cloudevents+json"},
        "traceparent": {"type": "string", "description": "Absent when unknown."},
    },
}


@dataclass(frozen=True, slots=True)
class Described:
    """How events are sent.

    :ivar topic_prefix: what the topics' names begin with.
    """

    topic_prefix: str = "versiqii"
    mode: Mode = Mode.BINARY


def asyncapi(described: Described | None = None, *, schema_base: str = "", version: str = "1.0.0") -> dict[str, Any]:
    """The document for ``GET /asyncapi.json``: a fresh, JSON-ready value, the same for the same arguments.

    :param schema_base: as for ``event_schema``.
    :param version: of the product that serves the document.
    """
    described = described or Described()
    structured = described.mode is Mode.STRUCTURED
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Versiqii events",
            "version": version,
            "description": (
                "What happened to configurations, schemas, targets and hosts. At least once, in order per key; "
                "duplicates carry the same ce_id. The same events are served by GET /v1/events."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.value: _channel(topic, described.topic_prefix) for topic in Topic},
        "operations": {
            f"send-{topic.value}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic.value}"},
                "messages": [{"$ref": f"#/channels/{topic.value}/messages/{name}"} for name in _names(topic)],
            }
            for topic in Topic
        },
        "components": {
            "messages": {name: _message(name, schema_base, structured=structured) for name in CATALOGUE},
            "schemas": {"CloudEventHeaders": fresh(_STRUCTURED_HEADERS if structured else _HEADERS)},
        },
        "x-consumer-groups": dict(CONSUMER_GROUPS),
    }


def _names(topic: Topic) -> list[str]:
    return [name for name in CATALOGUE if topic in topics_of(name)]


def _channel(topic: Topic, prefix: str) -> dict[str, Any]:
    description, cleanup = _CHANNELS[topic]
    return {
        "address": f"{prefix}.{topic.value}",
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic)},
        "bindings": {
            "kafka": {"topicConfiguration": {"cleanup.policy": list(cleanup)}, "bindingVersion": _BINDINGS},
        },
    }


def _message(name: str, schema_base: str, *, structured: bool) -> dict[str, Any]:
    schema = event_schema(name, schema_base=schema_base)
    return {
        "name": event_type(name),
        "title": name,
        "summary": CATALOGUE[name].summary,
        "contentType": "application/cloudevents+json" if structured else "application/json",
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "payload": {
            "schemaFormat": "application/schema+json;version=2020-12",
            "schema": _enveloped(name, schema) if structured else schema,
        },
        "correlationId": {
            "location": "$message.payload#/correlationid" if structured else "$message.header#/ce_correlationid"
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The stream; on the state topic, the binding."},
                "bindingVersion": _BINDINGS,
            }
        },
    }


def _enveloped(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body that holds the attributes too: those of the headers, without their prefix."""
    attributes = {
        header.removeprefix("ce_"): each for header, each in _HEADERS["properties"].items() if header.startswith("ce_")
    }
    required = [header.removeprefix("ce_") for header in _HEADERS["required"] if header.startswith("ce_")]
    return {
        "$schema": DIALECT,
        "type": "object",
        "required": [*required, "datacontenttype", "data"],
        "properties": fresh(attributes)
        | {"type": {"const": event_type(name)}, "datacontenttype": {"const": "application/json"}, "data": schema},
    }

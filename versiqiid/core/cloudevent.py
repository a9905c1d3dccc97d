"""A journal entry as a CloudEvents 1.0 message for Kafka. Pure: bytes in, a message out.

Which entry types exist and which topics they reach is ``core/events``; how messages travel is ``adapters/kafka.py``.
An entry is encoded from its stored bytes alone, so the same entry always gives the same message, byte for byte, and
``ce_id`` (the RFC 6962 leaf hash) finds duplicates and the entry's proof in the Merkle log.

Source of the rules: CloudEvents 1.0 Kafka protocol binding,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md (§3.2 binary, §3.3
structured), and the distributed tracing extension for ``traceparent``.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from versiqiid.core.provenance import traceparent
from versiqiid.errors import InvalidSetting

TYPE_PREFIX = "io.versiqii."
TYPE_SUFFIX = ".v1"
ENVELOPE_VERSION = 1

_JSON_TYPE = "application/json"
_STRUCTURED_TYPE = "application/cloudevents+json"


class Mode(StrEnum):
    """Where the CloudEvents attributes travel: in Kafka headers, or around the data in the body."""

    BINARY = "binary"
    STRUCTURED = "structured"


@dataclass(frozen=True, slots=True)
class Source:
    """Who speaks, and where the schemas of its events are served.

    :ivar origin: the journal's origin, ``ce_source`` without its ``//``.
    :ivar schema_base: absolute URI under which ``<Type>.v1.json`` is served, without a closing slash.
    :raises InvalidSetting: ``schema_base`` is no absolute URI.
    """

    origin: str
    schema_base: str = "http://127.0.0.1:8080/events/schemas"
    mode: Mode = Mode.BINARY

    def __post_init__(self) -> None:
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://\S+[^/\s]$", self.schema_base):
            raise InvalidSetting(
                f"event schema base {self.schema_base!r} is no absolute URI without a closing slash",
                hint="give the public address of the API, such as https://versiqii.example/events/schemas",
            )


@dataclass(frozen=True, slots=True)
class Message:
    """What a producer sends. ``body`` None is a tombstone on a compacted topic."""

    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    body: bytes | None


def leaf_hash(entry: bytes) -> str:
    """Lower-case hex of SHA-256(0x00 ‖ entry): RFC 6962 §2.1, the hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).hexdigest()


def event_type(entry_type: str) -> str:
    """``ce_type`` of an entry type: ``io.versiqii.<entry type>.v1``."""
    return f"{TYPE_PREFIX}{entry_type}{TYPE_SUFFIX}"


def schema_uri(entry_type: str, source: Source) -> str:
    """``ce_dataschema`` of an entry type, an absolute URI."""
    return f"{source.schema_base}/{entry_type}{TYPE_SUFFIX}.json"


def message(entry: bytes, source: Source) -> Message:
    """The message of one journal entry; equal for equal arguments, byte for byte.

    The key is the entry's stream, so one stream stays in one partition and therefore in order.

    :param entry: the stored leaf, RFC 8785 JSON.
    """
    fact = json.loads(entry)
    attributes = _attributes(fact, leaf_hash(entry), source)
    payload = envelope(fact)
    key = fact["stream"].encode()
    if source.mode is Mode.STRUCTURED:
        body = _dump({**attributes, "datacontenttype": _JSON_TYPE, "data": payload})
        return Message(key, _plain_headers(attributes, _STRUCTURED_TYPE), body)
    headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())
    return Message(key, _plain_headers(attributes, _JSON_TYPE) + headers, _dump(payload))


def envelope(fact: dict[str, Any]) -> dict[str, Any]:
    """The body of an entry's message, whichever way it travels.

    :param fact: the stored leaf, parsed.
    """
    return {
        "version": ENVELOPE_VERSION,
        "timestamp": fact["time"],
        "event_type": fact["type"],
        "correlation_id": fact["correlationId"],
        "actor": fact["actor"],
        "data": fact["data"],
    }


def latest(entry: bytes, source: Source) -> Message:
    """The message of one entry for a compacted topic: the same event under the key of its binding.

    A key names one binding of one tenant, so that compaction never lets one tenant's state replace another's. An
    ``EffectiveRemoved`` has no body: a tombstone, which takes the key off the topic.
    """
    fact = json.loads(entry)
    whole = message(entry, source)
    tenant = fact["tenant"]
    key = whole.key if tenant == "default" else f"tenants/{tenant}/".encode() + whole.key
    return Message(key, whole.headers, None if fact["type"] == "EffectiveRemoved" else whole.body)


def _attributes(fact: dict[str, Any], identity: str, source: Source) -> dict[str, str]:
    """The context attributes in a fixed order. What is unknown is absent, never empty."""
    attributes = {
        "specversion": "1.0",
        "id": identity,
        "source": f"//{source.origin}",
        "type": event_type(fact["type"]),
        "time": fact["time"],
        "subject": fact["stream"],
        "correlationid": fact["correlationId"],
        "causationid": fact["causationId"],
        "sequence": f"{fact['position']:020d}",
        "dataschema": schema_uri(fact["type"], source),
    }
    # The entry's fixed members have no place for a trace: whoever began one leaves it in ``data``.
    trace = fact["data"].get("traceparent")
    if isinstance(trace, str) and traceparent(trace) == trace:
        attributes["traceparent"] = trace
    return attributes


def _plain_headers(attributes: dict[str, str], content_type: str) -> tuple[tuple[str, bytes], ...]:
    """``content-type``, and ``traceparent`` as tracing libraries look for it, outside CloudEvents."""
    headers = [("content-type", content_type.encode())]
    if "traceparent" in attributes:
        headers.append(("traceparent", attributes["traceparent"].encode()))
    return tuple(headers)


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

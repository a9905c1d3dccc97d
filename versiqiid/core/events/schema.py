"""JSON Schemas (2020-12) of event bodies, built from the catalogue. Nothing is written per type but its table row."""

from __future__ import annotations

from typing import Any, Final

from versiqiid.core.cloudevent import ENVELOPE_VERSION, TYPE_SUFFIX
from versiqiid.core.events.catalogue import CATALOGUE
from versiqiid.errors import NotFound

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# UTC with exactly six decimals, as every entry's time.
TIMESTAMP_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"

_ACTOR: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Who did it, and by which way.",
    "required": ["kind", "id", "via"],
    "properties": {
        "kind": {"enum": ["user", "token", "host", "daemon"]},
        "id": {"type": "string", "minLength": 1},
        "via": {"enum": ["cli", "api", "kv", "gitops"]},
    },
}


def event_schema(entry_type: str, *, schema_base: str = "") -> dict[str, Any]:
    """The schema of the body of one entry type's event: a fresh, JSON-ready value.

    :param schema_base: absolute URI without a closing slash for ``$id``; ``""`` leaves ``$id`` out.
    :raises NotFound: no such entry type in the catalogue.
    """
    kind = CATALOGUE.get(entry_type)
    if kind is None:
        raise NotFound(f"no event type {entry_type!r}", hint="GET /asyncapi.json lists the event types")
    identity = {"$id": f"{schema_base}/{entry_type}{TYPE_SUFFIX}.json"} if schema_base else {}
    return {
        "$schema": DIALECT,
        **identity,
        "title": entry_type,
        "description": kind.summary,
        "type": "object",
        "required": ["version", "timestamp", "event_type", "correlation_id", "actor", "data"],
        "properties": {
            "version": {"const": ENVELOPE_VERSION},
            "timestamp": {"type": "string", "format": "date-time", "pattern": TIMESTAMP_PATTERN},
            "event_type": {"const": entry_type},
            "correlation_id": {"type": "string", "minLength": 1},
            "actor": fresh(_ACTOR),
            "data": {
                "type": "object",
                "additionalProperties": True,
                "properties": fresh(
                    {
                        "truncated": {"type": "boolean"},
                        "traceparent": {"type": "string"},
                        "observed": {"type": "object", "required": ["key", "revision"]},
                        **kind.data,
                    }
                ),
            },
        },
    }


def fresh(value: Any) -> Any:
    """A deep copy in plain dicts and lists, so that no caller can change the table."""
    if isinstance(value, (list, tuple)):
        return [fresh(item) for item in value]
    if hasattr(value, "items"):
        return {name: fresh(item) for name, item in value.items()}
    return value

"""Families and files of schemas for tests of ``versiqii schemas``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.processes import Daemon

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["depth"],
    "additionalProperties": False,
}

WIDER = OLD | {"properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 99}}}

NARROWER = OLD | {"properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 2}}}


def family(daemon: Daemon, name: str, *versions: str, **terms: Any) -> None:
    """A family whose versions all have the same schema."""
    keys = {f"families/{name}": terms} | {f"schemas/{name}/{version}": OLD for version in versions}
    daemon.load({key: json.dumps(value).encode() for key, value in keys.items()})


def file(folder: Path, value: Any, name: str = "schema.json") -> str:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def registered(daemon: Daemon, key: str) -> bool:
    with daemon.client() as client:
        return client.get(f"/v1/{key}").status_code == 200

"""A family of two versions with its steps, as keys and as a snapshot of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from versiqiid.core.snapshot import Observation, Snapshot, Value

OLD = {
    "type": "object",
    "properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["depth"],
    "additionalProperties": False,
}
NEW = {
    "type": "object",
    "properties": {"scan": OLD, "report": {"enum": ["summary", "full"]}},
    "required": ["scan", "report"],
    "additionalProperties": False,
}
UP = [
    {"op": "add", "path": "/scan", "value": {}},
    {"op": "move", "from": "/depth", "path": "/scan/depth"},
    {"op": "add", "path": "/report", "value": "summary"},
]
DOWN = [
    {"op": "move", "from": "/scan/depth", "path": "/depth"},
    {"op": "remove", "path": "/scan"},
    {"op": "remove", "path": "/report"},
]


def snapshot(keys: dict[str, Any]) -> Snapshot:
    made = Snapshot()
    values = {key: Value(raw if isinstance(raw, bytes) else json.dumps(raw).encode(), 1) for key, raw in keys.items()}
    made.apply(Observation(values, index=1, complete=True))
    return made


def world(up: Any, down: Any, *, old: Any = OLD, new: Any = NEW, **more: Any) -> dict[str, Any]:
    """A family ``f`` of two versions; a list is a patch, bytes a module, anything else a manifest."""
    keys: dict[str, Any] = {"families/f": {}, "schemas/f/1.0.0": old, "schemas/f/2.0.0": new}
    for ends, step in (("1.0.0/2.0.0", up), ("2.0.0/1.0.0", down)):
        if isinstance(step, bytes):
            digest = hashlib.sha256(step).hexdigest()
            keys |= {
                f"modules/{digest}": step,
                f"migrations/f/{ends}": {"runtime": "wasm", "module": f"sha256:{digest}"},
            }
        elif step is not None:
            manifest = {"runtime": "json-patch", "patch": step} if isinstance(step, list) else step
            keys[f"migrations/f/{ends}"] = manifest
    return keys | {name.replace("__", "/"): value for name, value in more.items()}

"""How long a verdict takes: proven, decided by rules, refused with a witness, searched in vain, and large."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from versiqiid.core.compatibility.json_schema import JsonSchemaJudge

Row = tuple[str, float, str]
ROUNDS = 20
TEXT: dict[str, Any] = {"type": "string"}


def service(settings: int, **last: Any) -> dict[str, Any]:
    """A config schema with that many groups of five settings."""
    group = {f"key{n}": {**TEXT, "maxLength": 80, "pattern": "^[a-z]+$"} for n in range(5)}
    groups = {
        f"group{n}": {"type": "object", "properties": group, "additionalProperties": False} for n in range(settings)
    }
    return {"type": "object", "properties": groups | {"last": {**TEXT, **last}}, "additionalProperties": False}


def alternatives(count: int, leaf: str) -> dict[str, Any]:
    """Definitions that all refer to each other by oneOf."""
    one_of = {"oneOf": [{"$ref": f"#/$defs/t{n}"} for n in range(count)]}
    definitions = {
        f"t{n}": {
            "type": "object",
            "properties": {"id": {"type": leaf}, "left": one_of, "right": one_of, f"t{n}": TEXT},
        }
        for n in range(count)
    }
    return {"type": "object", "properties": {"product": one_of}, "$defs": definitions}


def run() -> Iterator[Row]:
    pattern = {"old": {**TEXT, "pattern": "^a+$"}, "new": {**TEXT, "pattern": "^[ab]+$"}}
    cases = (
        ("proven, 52 settings", service(10), service(10, title="x"), JsonSchemaJudge()),
        ("refused with a witness, 51 settings", service(10), service(10, maxLength=3), JsonSchemaJudge()),
        ("refused with a witness, 501 settings", service(100), service(100, maxLength=3), JsonSchemaJudge()),
        ("no witness exists, whole search", pattern["old"], pattern["new"], JsonSchemaJudge()),
        (
            "rules only, 12 definitions by oneOf",
            alternatives(12, "string"),
            alternatives(12, "number"),
            JsonSchemaJudge(documents_max=0),
        ),
    )
    for name, old, new, judge in cases:
        spent = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            judge(old, new)
            spent.append(time.perf_counter() - start)
        yield name, statistics.median(spent) * 1000, "ms"

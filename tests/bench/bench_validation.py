"""Figures for reading, writing and judging documents of 2 kB."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import anyio

from versiqiid.adapters.validation import ProcessValidator
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.document import read
from versiqiid.core.schema import compile_schema, violations
from versiqiid.ports import ValidationRequest

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple[str, float, str]

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["engine", "rules"],
    "additionalProperties": False,
    "properties": {
        "engine": {
            "type": "object",
            "required": ["threads", "mode"],
            "properties": {
                "threads": {"type": "integer", "minimum": 1, "maximum": 256},
                "mode": {"enum": ["fast", "thorough"]},
            },
        },
        "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}, "uniqueItems": True},
    },
    "$defs": {
        "rule": {
            "type": "object",
            "required": ["id", "action"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string", "pattern": "^[a-z]+-[0-9]+$"},
                "action": {"enum": ["allow", "deny", "log"]},
                "weight": {"type": "number", "exclusiveMinimum": 0},
                "tags": {"type": "array", "items": {"type": "string", "minLength": 1}},
            },
        }
    },
}
DOCUMENT: dict[str, Any] = {
    "engine": {"threads": 8, "mode": "fast"},
    "rules": [
        {"id": f"rule-{number}", "action": "deny", "weight": 0.5, "tags": ["edge", "default"]} for number in range(26)
    ],
}
REFUSED: dict[str, Any] = {**DOCUMENT, "engine": {"threads": 0, "mode": "fast"}}


def _us(work: Callable[[], object], times: int) -> float:
    """Microseconds of one call, the best of five rounds: what it costs where nothing else wants the machine."""
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - start) / times)
    return min(rounds) * 1e6


def _yaml() -> bytes:
    lines = ["engine: {threads: 8, mode: fast}", "rules:"]
    for rule in DOCUMENT["rules"]:
        lines += [f"  - id: {rule['id']}", "    action: deny", "    weight: 0.5", "    tags: [edge, default]"]
    return "\n".join(lines).encode()


async def _through_the_worker() -> list[Row]:
    name = digest(canonical(SCHEMA))
    good = ValidationRequest(schema=SCHEMA, schema_digest=name, document=DOCUMENT)
    refused = ValidationRequest(schema=SCHEMA, schema_digest=name, document=REFUSED)
    rows: list[Row] = []
    async with ProcessValidator() as validator:
        start = time.perf_counter()
        await validator.validate(good)
        rows.append(("first validation, worker start included", (time.perf_counter() - start) * 1e3, "ms"))
        for label, request, times in (
            ("validate through the worker", good, 300),
            ("refuse and explain through the worker", refused, 50),
        ):
            rounds = []
            for _ in range(5):
                start = time.perf_counter()
                for _ in range(times):
                    await validator.validate(request)
                rounds.append((time.perf_counter() - start) / times)
            rows.append((label, min(rounds) * 1e6, "µs"))
        start = time.perf_counter()
        for _ in range(10):
            await validator.validate_many([good] * 100)
        rows.append(("validations in batches of 100", 1000 / (time.perf_counter() - start), "1/s"))
    return rows


def run() -> list[Row]:
    """Name, value, unit."""
    raw = json.dumps(DOCUMENT).encode()
    as_yaml = _yaml()
    assert read(raw) == read(as_yaml) == DOCUMENT
    compiled = compile_schema(SCHEMA, formats=False)
    assert compiled.fits(DOCUMENT)
    assert violations(compiled, REFUSED)
    return [
        ("read JSON", _us(lambda: read(raw), 500), "µs"),
        ("read YAML", _us(lambda: read(as_yaml), 10), "µs"),
        ("write canonical JSON", _us(lambda: canonical(DOCUMENT), 300), "µs"),
        ("compile a schema", _us(lambda: compile_schema(SCHEMA, formats=False), 50), "µs"),
        ("decide in the process", _us(lambda: compiled.fits(DOCUMENT), 1000), "µs"),
        ("explain in the process", _us(lambda: violations(compiled, REFUSED), 20), "µs"),
        *anyio.run(_through_the_worker),
    ]

"""How long a verdict takes: proven, by rules, refused with a witness, searched in vain, large, in other languages,
through the worker, and of a whole check with the live configs, as ``versiqii schemas check`` asks for it.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio

from tests.e2e.processes import Daemon
from versiqiid.adapters.validation import ProcessComparer
from versiqiid.core.comparison import Pair, Text
from versiqiid.core.compatibility.json_schema import JsonSchemaJudge

Row = tuple[str, float, str]
ROUNDS = 20
RECORD = b'{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}%s]}'
ADDED = b', {"name": "b", "type": "string", "default": ""}'
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
    yield from anyio.run(_through_the_worker)
    yield from _whole_checks()


async def _through_the_worker() -> list[Row]:
    """The daemon's way: another process, asked one pair at a time."""
    texts = [json.dumps(schema).encode() for schema in (service(10), service(10, maxLength=3), service(10, title="x"))]
    message = 'syntax = "proto3"; message M { int32 depth = 1; %s }'
    pairs = {
        "refused with a witness, 51 settings, through the worker": Pair("json-schema", Text(texts[0]), Text(texts[1])),
        "proven, 52 settings, through the worker": Pair("json-schema", Text(texts[0]), Text(texts[2])),
        "Avro, through the worker": Pair("avro", Text(RECORD % b""), Text(RECORD % ADDED)),
        "Protobuf with its compiler, through the worker": Pair(
            "protobuf", Text((message % "").encode()), Text((message % "bool deep = 2;").encode())
        ),
    }
    rows: list[Row] = []
    comparer = ProcessComparer()
    try:
        for name, pair in pairs.items():
            await comparer.judge(pair)
            spent = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                await comparer.judge(pair)
                spent.append(time.perf_counter() - start)
            rows.append((name, statistics.median(spent) * 1000, "ms"))
    finally:
        await comparer.aclose()
    return rows


def _whole_checks() -> Iterator[Row]:
    """``POST /v1/schemas/{family}:check`` of a running daemon whose family has 500 live configs."""
    schema = {"type": "object", "properties": {"depth": {"type": "integer"}}}
    narrower = {"type": "object", "properties": {"depth": {"type": "integer", "maximum": 9}}}
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder)).start()
        try:
            daemon.load(
                {
                    "families/f": b'{"compatibility": "BACKWARD"}',
                    "schemas/f/1.0.0": json.dumps(schema).encode(),
                    "targets/t": b'{"family": "f", "schemas": {"*": "1.0.0"}}',
                    "envs/prod/t/version": b"1.0.0",
                }
            )
            for start in range(0, 500, 50):
                names = range(start, start + 50)
                keys = {f"configs/t/1.0.0/n{n}": json.dumps({"depth": n}).encode() for n in names}
                daemon.load(keys | {f"bindings/prod/t/n{n}": b"" for n in names})
            daemon.until_status("prod/t/n499", state="InSync")
            spent = []
            with daemon.client() as client:
                for _ in range(ROUNDS):
                    start_s = time.perf_counter()
                    told = client.post("/v1/schemas/f:check", content=json.dumps(narrower)).json()
                    spent.append(time.perf_counter() - start_s)
        finally:
            daemon.close()
    yield f"a check over REST, {told['live']['judged']} live configs", statistics.median(spent) * 1000, "ms"

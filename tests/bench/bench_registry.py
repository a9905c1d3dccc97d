"""The Schema-Registry-compatible endpoint of a daemon on SQLite: register, look up, read by id, judge, per second."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from tests.e2e.processes import DEADLINE_S, Daemon

Row = tuple[str, float, str]
ROUNDS = 300
CASES = {
    "AVRO": '{"type":"record","name":"R%d","fields":[{"name":"a","type":"int"}]}',
    "JSON": '{"title":"R%d","type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}',
    "PROTOBUF": 'syntax = "proto3"; message R%d { int32 a = 1; }',
}


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder)).start()
        try:
            with httpx2.Client(base_url=f"{daemon.url}/registry", timeout=DEADLINE_S, trust_env=False) as client:
                yield from measured(client)
        finally:
            daemon.close()


def measured(client: httpx2.Client) -> Iterator[Row]:
    def post(path: str, kind: str, schema: str) -> int:
        body = json.dumps({"schema": schema, "schemaType": kind})
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        answer.raise_for_status()
        return int(answer.json().get("id", 0))

    for kind, schema in CASES.items():
        post(f"/subjects/warm-{kind}/versions", kind, schema % 0)  # the worker starts
        first = rate(lambda at, k=kind, s=schema: post(f"/subjects/{k}-{at % 10}-{at}/versions", k, s % at))
        yield f"{kind}: schemas registered, each under a subject of its own", first, "per second"
        path = f"/compatibility/subjects/warm-{kind}/versions/latest"
        verdict = rate(lambda at, k=kind, s=schema, p=path: post(p, k, s % 0 + " " * at))
        yield f"{kind}: compatibility verdicts", verdict, "per second"
        again = rate(lambda at, k=kind, s=schema: post(f"/subjects/{k}-{at % 10}-{at}", k, s % at))
        yield f"{kind}: schemas looked up by content", again, "per second"
    yield "read by id", rate(lambda at: client.get(f"/schemas/ids/{at + 1}").raise_for_status()), "per second"


def rate(once: Callable[[int], object]) -> float:
    began = time.perf_counter()
    for at in range(ROUNDS):
        once(at)
    return ROUNDS / (time.perf_counter() - began)

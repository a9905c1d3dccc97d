"""The endpoint of the Schema-Registry protocol as a stranger's program sees it, and schemas to send there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx2

from tests.e2e.processes import DEADLINE_S

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
STRING, INT = '"string"', '"int"'
PROTO = 'syntax = "proto3"; package scan; message Scan { int32 depth = 1; }'


class Registry:
    """The endpoint as a stranger's program sees it."""

    def __init__(self, url: str) -> None:
        headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
        self.http = httpx2.Client(base_url=url, headers=headers, timeout=DEADLINE_S, trust_env=False)

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        content = None if body is None else json.dumps(body).encode()
        return self.http.request(method, path, content=content, params=query)

    def ok(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON; it must be a success of the protocol's media type."""
        answer = self.ask(method, path, body, **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == MEDIA_TYPE
        return answer.json()

    def fault(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, int]:
        """Status and error code; there must be a sentence, too."""
        answer = self.ask(method, path, body, **query)
        told = answer.json()
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert told["message"]
        return answer.status_code, told["error_code"]

    def register(self, subject: str, schema: str, kind: str = "AVRO", **more: Any) -> int:
        body = {"schema": schema, "schemaType": kind, **more}
        return int(self.ok("POST", f"/subjects/{quote(subject, safe='')}/versions", body)["id"])


def record(name: str, *fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": name, "fields": list(fields)}, separators=(",", ":"))


ONE = record("A", {"name": "a", "type": "int"})
TWO = record("A", {"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0})
BREAKING = record("A", {"name": "c", "type": "int"})

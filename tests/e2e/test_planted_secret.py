"""A secret planted wherever a document, a body or a header has room for one comes out nowhere but where documents do.

Looked through: the log, every entry, status, drift, trace and metric, every problem, and what the command line prints.
"""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.processes import Daemon, until

SECRET = "Pl4nted"
NUMBER = 4815162342
PLACE = "prod/eu/av"

PROPERTY: dict[str, Any] = {
    "pattern": {"pattern": "^[a-z]+$"},
    "length": {"maxLength": 2},
    "const": {"const": "x"},
    "enum": {"enum": ["x", "y"]},
    "type": {"type": "boolean"},
    "format": {"format": "email"},
    "names": {"not": {"const": SECRET}},
    "any": {"anyOf": [{"const": 1}, {"type": "null"}]},
    "items": {"items": {"type": "integer"}, "contains": {"const": 1}},
    "unique": {"uniqueItems": True},
    "most": {"maximum": 5},
    "multiple": {"multipleOf": 7},
}
VALUES: dict[str, Any] = {"items": [SECRET], "unique": [SECRET, SECRET], "most": NUMBER, "multiple": NUMBER}

UNREADABLE = {
    "json": b'{"password": "%s", "password": "%s"}',
    "json-end": b'{"password": "%s"',
    "yaml": b'password: "%s\nother: [%s',
    "yaml-tag": b"password: !!python/object %s %s",
    "yaml-alias": b"password: *%s\nx: %s",
    "number": b'{"password": %d99999999999}' % NUMBER,
    "surrogate": b'{"password": "%s\\ud800%s"}',
    "utf": b'{"password": "%s\xff%s"}',
}
"""Bodies that are no document, each with the secret where a parser would quote it."""

OPEN = {"type": "object"}
STEPS: dict[str, Any] = {
    "test": {"runtime": "json-patch", "patch": [{"op": "test", "path": "/password", "value": "other"}]},
    "move": {"runtime": "json-patch", "patch": [{"op": "move", "from": "/password/deeper", "path": "/x"}]},
    "lens": {"runtime": "lens", "lens": [{"convert": {"name": "password", "from": "string", "to": "integer"}}]},
    "refused": {"runtime": "lua", "source": "function migrate(config) refuse('not ' .. config.password) end"},
    "thrown": {"runtime": "lua", "source": "function migrate(config) error('not ' .. config.password) end"},
}


def unreadable(raw: bytes) -> bytes:
    return raw.replace(b"%s", SECRET.encode())


def world() -> dict[str, bytes]:
    """A target of its own for each way in which a document can be refused."""
    keys: dict[str, Any] = {}

    def target(name: str, schemas: dict[str, Any], config: Any) -> None:
        keys[f"families/{name}"] = {"language": "json-schema", "formats": "assert"}
        keys.update({f"schemas/{name}/{version}": schema for version, schema in schemas.items()})
        newest = max(schemas)
        keys[f"targets/{name}"] = {"family": name, "schemas": {"*": newest}}
        keys[f"configs/{name}/1.0.0/default"] = config
        keys[f"bindings/prod/eu/{name}/default"] = b""
        keys[f"envs/prod/eu/{name}/version"] = b"1.0.0"

    properties = {name: {"properties": {"password": rule}} for name, rule in PROPERTY.items()}
    for name, rule in properties.items():
        target(f"v-{name}", {"1.0.0": OPEN | rule}, {"password": VALUES.get(name, SECRET)})
    for name, raw in UNREADABLE.items():
        target(f"u-{name}", {"1.0.0": OPEN}, unreadable(raw))
    for name, step in STEPS.items():
        target(f"m-{name}", {"1.0.0": OPEN, "2.0.0": OPEN}, {"password": SECRET})
        keys[f"migrations/m-{name}/1.0.0/2.0.0"] = step
    return {key: value if isinstance(value, bytes) else json.dumps(value).encode() for key, value in keys.items()}


def asked(daemon: Daemon) -> list[str]:
    """Requests with the secret in their bodies and headers; what was answered, headers included."""
    told = []
    headers = {
        "Authorization": f"Bearer {SECRET}",
        "X-Vault-Token": SECRET,
        "X-Consul-Token": SECRET,
        "Cookie": f"session={SECRET}",
        "X-Git-Repository": f"https://ci:{SECRET}@git.example/configs.git",
    }
    with daemon.client(**headers) as client:
        for name, raw in UNREADABLE.items():
            body = unreadable(raw)
            for path in ("/v1/txn", "/v1/validate/v-pattern/1.0.0", "/v1/validate:batch", "/v1/prod/eu:rollback",
                         "/registry/subjects/s-value/versions", "/registry/config"):  # fmt: skip
                answer = client.post(f"{path}?token={SECRET}", content=body)
                told.append(f"{name} {path} {answer.status_code} {answer.headers} {answer.text}")
        for name in PROPERTY:
            document = json.dumps({"password": VALUES.get(name, SECRET)}).encode()
            answer = client.post(f"/v1/validate/v-{name}/1.0.0", content=document)
            told.append(f"{name} {answer.status_code} {answer.text}")
        answer = client.put("/v1/policies/p", content=SECRET.encode(), headers={"X-Correlation-Id": "planted"})
        told.append(f"{answer.status_code} {answer.text}")
        answer = client.put(f"/v1/effective/{PLACE}/default", content=SECRET.encode())
        told.append(f"{answer.status_code} {answer.text}")
        answer = client.get(f"/v1/nowhere?secret={SECRET}")
        told.append(f"{answer.status_code} {answer.text}")
    return told


def seen(daemon: Daemon) -> list[str]:
    """Everything that tells of documents without being one."""
    told = [daemon.text(), json.dumps(daemon.entries())]
    with daemon.client() as client:
        for path in ("/metrics", "/readyz", "/v1/drifts", "/v1/status", "/v1/trace/planted", "/v1/search?q=default",
                     "/v1/doctor", "/v1/hosts/"):  # fmt: skip
            answer = client.get(path)
            told.append(f"{path} {answer.text}")
    for command in (("status",), ("drifts", "list"), ("audit", "list", "--all"), ("trace", "planted"), ("doctor",)):
        done = daemon.cli(*command)
        told += [done.stdout, done.stderr]
    return told


def test_a_planted_secret_comes_out_nowhere(daemon: Daemon) -> None:
    keys = world()
    for at in range(0, len(keys), 60):
        daemon.load(dict(list(keys.items())[at : at + 60]))
    told = asked(daemon)
    names = {key.split("/")[1] for key in keys if key.startswith("targets/")}
    statuses: dict[str, Any] = {}
    for _ in until("every binding is decided"):
        statuses = {name: daemon.status(f"prod/eu/{name}/default") for name in names}
        if all(statuses.values()):
            break
    for name in ("refused", "thrown"):
        assert "‹/password›" in statuses[f"m-{name}"]["reason"]
    refused = {name for name, status in statuses.items() if status and status["state"] in ("Rejected", "Held")}
    assert refused == names, "each of them is refused, or nothing would be shown"
    for _ in until("the refusals are drift"):
        with daemon.client() as client:
            if client.get("/v1/drifts").json()["items"]:
                break
    told += seen(daemon)
    assert daemon.stop() == 0
    told.append(daemon.text())
    for text in told:
        for planted in (SECRET, str(NUMBER)):
            at = text.find(planted)
            assert at < 0, f"…{text[max(0, at - 300) : at + 100]}…"

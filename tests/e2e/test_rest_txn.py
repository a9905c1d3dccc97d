"""REST over several keys at once, who wrote them, and verdicts on documents."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import httpx2
import pytest

from tests.e2e.processes import Daemon, scan_world

NUMBERS = itertools.count()


@pytest.fixture
def key() -> str:
    return f"configs/txn/1.0.0/c{next(NUMBERS)}"


def txn(http: httpx2.Client, *operations: dict[str, Any], query: str = "") -> httpx2.Response:
    return http.post(f"/v1/txn{query}", json={"operations": list(operations)})


def test_set_check_and_delete_together(http: httpx2.Client, key: str) -> None:
    """One revision for all that is set; what did not change keeps its own; deleted keys have none."""
    first = txn(http, {"op": "set", "key": key, "value": "1"}, {"op": "set", "key": f"{key}-b", "value": "1"}).json()
    assert set(first["keys"]) == {key, f"{key}-b"}
    answer = txn(
        http,
        {"op": "check", "key": f"{key}-c", "revision": 0},
        {"op": "set", "key": key, "value": "1"},
        {"op": "set", "key": f"{key}-d", "valueBase64": base64.b64encode(b"\xff").decode()},
        {"op": "delete", "key": f"{key}-b", "revision": first["revision"]},
        {"op": "delete", "key": f"{key}-never"},
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert sorted(told["keys"]) == [f"{key}-b", f"{key}-d"]
    assert told["revisions"] == {key: first["revision"], f"{key}-d": told["revision"]}
    assert answer.headers["x-correlation-id"] == told["correlationId"]
    assert http.get(f"/v1/{key}-d").content == b"\xff"
    assert http.get(f"/v1/{key}-b").status_code == 404


@pytest.mark.parametrize(
    "broken",
    [
        {"op": "check", "revision": 0},
        {"op": "set", "value": "2", "revision": 0},
        {"op": "set", "value": "2", "revision": 999_999},
        {"op": "delete", "revision": 999_999},
    ],
)
def test_one_failed_expectation_stops_all(http: httpx2.Client, key: str, broken: dict[str, Any]) -> None:
    """409 with key, expected and found; nothing of it is written. The same with validate_only."""
    revision = txn(http, {"op": "set", "key": key, "value": "1"}).json()["revision"]
    for query in ("?validate_only=true", ""):
        answer = txn(http, {"op": "set", "key": f"{key}-new", "value": "1"}, {"key": key, **broken}, query=query)
        assert answer.status_code == 409, answer.text
        told = answer.json()
        assert (told["code"], told["key"], told["found"]) == ("conflict", key, revision)
        assert http.get(f"/v1/{key}-new").status_code == 404


def test_validate_only_writes_nothing(http: httpx2.Client, key: str) -> None:
    answer = txn(http, {"op": "set", "key": key, "value": "1"}, query="?validate_only=true")
    assert (answer.status_code, answer.json()["keys"]) == (200, [])
    assert http.get(f"/v1/{key}").status_code == 404


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ({"op": "set", "key": "nowhere/x", "value": ""}, 400, "invalid_key"),
        ({"op": "check", "key": "nowhere/x", "revision": 0}, 400, "invalid_key"),
        ({"op": "set", "key": "status/prod/av/x", "value": ""}, 403, "forbidden"),
        ({"op": "delete", "key": "effective/prod/av/x"}, 403, "forbidden"),
        ({"op": "set", "key": "schemas/scan/9", "value": "1"}, 409, "immutable"),
        ({"op": "set", "key": f"modules/{'1' * 64}", "value": "x"}, 422, "invalid_input"),
        ({"op": "set", "key": "configs/a/1/b", "value": "x" * 600_000}, 413, "too_large"),
    ],
)
def test_one_refused_operation_stops_all(
    http: httpx2.Client, key: str, operation: dict[str, Any], status: int, code: str
) -> None:
    http.put("/v1/schemas/scan/9", content=b"{}")
    answer = txn(http, {"op": "set", "key": key, "value": "1"}, operation)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert http.get(f"/v1/{key}").status_code == 404


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        DEEP,
        "[]",
        "{}",
        '{"operations": {}}',
        '{"operations": []}',
        '{"operations": [], "more": 1}',
        '{"operations": [1]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b"}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "value": 1}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "value": "1", "valueBase64": "MQ=="}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "valueBase64": "!"}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "value": "\\ud800"}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "value": "1", "revision": -1}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "value": "1", "revision": true}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "value": "1", "revision": 1.5}]}',
        '{"operations": [{"op": "set", "key": "configs/a/1/b", "value": "1", "flags": 0}]}',
        '{"operations": [{"op": "delete", "key": "configs/a/1/b", "value": "1"}]}',
        '{"operations": [{"op": "check", "key": "configs/a/1/b"}]}',
        '{"operations": [{"op": "get", "key": "configs/a/1/b"}]}',
        '{"operations": [{"op": 1, "key": "configs/a/1/b"}]}',
        '{"operations": [{"op": "set", "key": 1, "value": "1"}]}',
        '{"operations": [{"op": "delete", "key": "configs/a/1/b"}, {"op": "delete", "key": "configs/a/1/b"}]}',
        json.dumps({"operations": [{"op": "set", "key": f"configs/a/1/b{n}", "value": ""} for n in range(129)]}),
    ],
)
def test_a_transaction_that_is_none(http: httpx2.Client, body: str) -> None:
    """422, naming the place; nothing is written and nothing is quoted."""
    answer = http.post("/v1/txn", content=body.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text
    assert http.get("/v1/configs/a/").json()["items"] == []


def test_a_body_over_the_limit_is_not_read(http: httpx2.Client) -> None:
    answer = http.post("/v1/txn", content=b" " * (16 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# ------------------------------------------------------------------------------------------------- correlation


def test_a_correlation_id_flows_into_journal_status_and_settlement(daemon: Daemon) -> None:
    """The caller's id stands in the fact, in the settlement that follows from it, and in the status."""
    daemon.load(scan_world())
    daemon.until_status("prod/asia/av/default", state="InSync")
    with daemon.client(**{"X-Correlation-Id": "release-42"}) as client:
        answer = client.put("/v1/envs/prod/asia/av/version", content=b"2.0.0", headers={"If-Match": "*"})
    assert answer.headers["x-correlation-id"] == answer.json()["correlationId"] == "release-42"
    status = daemon.until_status("prod/asia/av/default", state="Migrated")
    assert status["correlationId"] == "release-42"
    shifted, applied, migrated = daemon.entries(correlation_id="release-42")
    kinds = (shifted["type"], applied["type"], migrated["type"])
    assert kinds == ("TargetVersionShifted", "EffectiveApplied", "ConfigMigrated")
    assert shifted["actor"] == {"kind": "user", "id": "anonymous", "via": "api"}
    assert shifted["data"] | {"version": "2.0.0", "previousVersion": "1.4.0"} == shifted["data"]
    assert applied["position"] == status["journal"]
    assert shifted["causationId"] == "release-42"
    assert applied["causationId"] != "release-42"


def test_trace_and_git_provenance(daemon: Daemon) -> None:
    """A W3C trace id becomes the correlation id; commit and repository stand in the entry."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        "X-Git-Commit": "c0ffee",
        "X-Git-Repository": "acme/configs",
    }
    with daemon.client(**headers) as client:
        assert trace in client.put("/v1/configs/a/1/b", content=b"1").headers["x-correlation-id"]
    (entry,) = daemon.entries(key="configs/a/1/b")
    assert trace in entry["correlationId"]
    assert entry["git"] == {"commit": "c0ffee", "repository": "acme/configs"}


@pytest.mark.parametrize("given", ["17", "2026-01-31T12:00:00Z", "", "a b", "é", "x" * 129, "-a", "a/b"])
def test_a_correlation_id_that_would_mean_something_else(http: httpx2.Client, key: str, given: str) -> None:
    """422: digits are revisions and times are times (docs/kv-layout.md); nothing is written."""
    headers = [(b"X-Correlation-Id", given.encode("latin-1"))]
    answer = http.put(f"/v1/{key}", content=b"1", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert http.get(f"/v1/{key}").status_code == 404


@pytest.mark.parametrize("given", ["2026-01-release", "2026.1", "a", "9f0c5a1e-0000-4000-8000-000000000000", "1e5"])
def test_a_correlation_id_that_is_one(http: httpx2.Client, key: str, given: str) -> None:
    http.put(f"/v1/{key}", content=b"1", headers={"X-Correlation-Id": given})
    assert http.get(f"/v1/show/{key}", params={"at": given}).content == b"1"


# ----------------------------------------------------------------------------------------------------- verdicts


def test_a_verdict_by_a_registered_schema(daemon: Daemon) -> None:
    """Valid or with pointers; unreadable bytes fit nothing; no verdict quotes a value."""
    daemon.load(scan_world())
    with daemon.client() as client:
        assert client.post("/v1/validate/scan/1.0.0", content=b"depth: 3\n").json()["valid"] is True
        told = client.post("/v1/validate/scan/2.0.0", content=b'{"scan": {"depth": 12345}}').json()
        assert (told["valid"], told["violations"][0]["pointer"]) == (False, "/scan/depth")
        assert "12345" not in json.dumps(told)
        told = client.post("/v1/validate/scan/2.0.0", content=b'{"hunter2": ').json()
        assert (told["valid"], told["violations"][0]["keyword"]) == (False, "unreadable")
        assert "hunter2" not in json.dumps(told)
        assert client.post("/v1/validate/scan/7.0.0", content=b"{}").status_code == 404
        assert client.post("/v1/validate/nothing/1.0.0", content=b"{}").status_code == 404
        client.put("/v1/families/avro", content=b'{"language": "avro"}')
        client.put("/v1/schemas/avro/1.0.0", content=b'"string"')
        told = client.post("/v1/validate/avro/1.0.0", content=b"{}").json()
        assert (told["valid"], len(told["violations"])) == (False, 1)


def test_verdicts_in_bulk(http: httpx2.Client) -> None:
    """Each case by its own schema; one that cannot be judged disturbs no other; references only to what comes along."""
    cases: list[dict[str, Any]] = [
        {"schema": {"type": "integer"}, "document": 1},
        {"schema": {"type": "integer"}, "document": "x"},
        {"schema": {"type": 7}, "document": 1},
        {"schema": {"$ref": "http://example.com/s"}, "document": 1},
        {"schema": {"$ref": "http://example.com/absent"}, "document": 1},
        {"schema": True, "document": 2**60},
        {"schema": {"format": "ipv4"}, "document": "x"},
        {"schema": {"format": "ipv4"}, "document": "x", "formats": True},
    ]
    body = {"remotes": {"http://example.com/s": {"type": "integer"}}, "cases": cases}
    answer = http.post("/v1/validate:batch", json=body)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["valid"] for result in results] == [True, False, False, True, False, True, True, False]
    assert [("error" in result) for result in results] == [False, False, True, False, True, False, False, False]
    assert results[1]["violations"][0] == {**results[1]["violations"][0], "pointer": "", "keyword": "type"}


@pytest.mark.parametrize(
    "body",
    ["[]", "{", '{"cases": 1}', '{"cases": [1]}', '{"cases": [{"schema": 1}]}', '{"cases": [], "x": 1}', DEEP,
     '{"cases": [], "remotes": []}', '{"cases": [{"schema": {}, "document": 1, "formats": 1}]}'],
)  # fmt: skip
def test_a_batch_that_is_none(http: httpx2.Client, body: str) -> None:
    answer = http.post("/v1/validate:batch", content=body.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")

"""REST over single keys: every status code and header of the contract, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.processes import Daemon, example_keys
from versiqiid.core.keys import is_desired

NUMBERS = itertools.count()


@pytest.fixture
def key() -> str:
    """A config's key that no other test uses."""
    return f"configs/av/1.0.0/c{next(NUMBERS)}"


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "retryable"} <= told.keys()
    assert (told["status"], told["code"]) == (status, code)
    return told


def put(http: httpx2.Client, key: str, raw: bytes, status: int = 201, **headers: str) -> int:
    """The revision of a write that is taken."""
    answer = http.put(f"/v1/{key}", content=raw, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert answer.headers["etag"] == f'"{told["revision"]}"'
    assert answer.headers["x-correlation-id"] == told["correlationId"]
    return int(told["revision"])


# ------------------------------------------------------------------------------------------------------ writing


def test_a_put_that_creates_needs_no_header(http: httpx2.Client, key: str) -> None:
    """201, and the ETag is what a GET tells."""
    revision = put(http, key, b'{"a": 1}')
    answer = http.get(f"/v1/{key}")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b'{"a": 1}', f'"{revision}"')


def test_a_put_over_something_must_say_over_what(http: httpx2.Client, key: str) -> None:
    """428, with the hint; nothing is written."""
    revision = put(http, key, b"1")
    told = problem(http.put(f"/v1/{key}", content=b"2"), 428, "precondition_required")
    assert f'If-Match: "{revision}"' in told["hint"]
    assert "If-Match: *" in told["hint"]
    assert http.get(f"/v1/{key}").content == b"1"


def test_a_put_over_the_right_revision(http: httpx2.Client, key: str) -> None:
    """200 and a new revision; the old one is then no longer good for anything."""
    first = put(http, key, b"1")
    second = put(http, key, b"2", 200, If_Match=f'"{first}"')
    assert second > first
    told = problem(http.put(f"/v1/{key}", content=b"3", headers={"If-Match": f'"{first}"'}), 412, "conflict")
    assert (told["expected"], told["found"], told["key"]) == (first, second, key)
    assert http.get(f"/v1/{key}").content == b"2"


def test_a_put_over_whatever_is_there(http: httpx2.Client, key: str) -> None:
    """If-Match: * takes any revision, and nothing at all."""
    put(http, key, b"1", 201, If_Match="*")
    put(http, key, b"2", 200, If_Match="*")


def test_create_only(http: httpx2.Client, key: str) -> None:
    """If-None-Match: * writes where nothing is, and 412 elsewhere."""
    put(http, key, b"1", 201, If_None_Match="*")
    problem(http.put(f"/v1/{key}", content=b"2", headers={"If-None-Match": "*"}), 412, "conflict")


def test_the_same_value_again_keeps_its_revision(http: httpx2.Client, key: str) -> None:
    """The ETag of the answer is the key's own, not the store's newest."""
    first = put(http, key, b"1")
    put(http, f"{key}-other", b"1")
    assert put(http, key, b"1", 200, If_Match=f'"{first}"') == first
    assert http.get(f"/v1/{key}").headers["etag"] == f'"{first}"'


@pytest.mark.parametrize("tag", ['"999999999"', 'W/"{}"', '"abc"', '"0"', '"99999999999999999999999"'])
def test_a_tag_that_is_not_the_keys_matches_nothing(http: httpx2.Client, key: str, tag: str) -> None:
    """412: If-Match compares strongly (RFC 9110, 13.1.1), and "0" is nobody's revision."""
    revision = put(http, key, b"1")
    problem(http.put(f"/v1/{key}", content=b"2", headers={"If-Match": tag.format(revision)}), 412, "conflict")
    problem(http.delete(f"/v1/{key}", headers={"If-Match": tag.format(revision)}), 412, "conflict")
    problem(http.put(f"/v1/{key}-absent", content=b"2", headers={"If-Match": tag.format(revision)}), 412, "conflict")


def test_a_list_of_tags_matches_if_one_of_them_does(http: httpx2.Client, key: str) -> None:
    first = put(http, key, b"1")
    assert put(http, key, b"2", 200, If_Match=f'"7777777", "{first}"') > first


@pytest.mark.parametrize("header", [{"If-Match": "17"}, {"If-Match": '"1'}, {"If-None-Match": '"1"'}, {"If-Match": ""}])
def test_an_ill_formed_precondition_is_named(http: httpx2.Client, key: str, header: dict[str, str]) -> None:
    """Nothing is written for a precondition that cannot be read."""
    if header == {"If-Match": ""}:
        header = {"If-Match": "*", "If-None-Match": "*"}
    told = problem(http.put(f"/v1/{key}", content=b"1", headers=header), 422, "invalid_input")
    assert "If-" in told["detail"]
    problem(http.get(f"/v1/{key}"), 404, "not_found")


def test_delete(http: httpx2.Client, key: str) -> None:
    """404, 428, 412, 200 and 404 again."""
    problem(http.delete(f"/v1/{key}"), 404, "not_found")
    problem(http.delete(f"/v1/{key}", headers={"If-Match": "*"}), 404, "not_found")
    revision = put(http, key, b"1")
    problem(http.delete(f"/v1/{key}"), 428, "precondition_required")
    problem(http.delete(f"/v1/{key}", headers={"If-Match": f'"{revision + 1}"'}), 412, "conflict")
    problem(http.delete(f"/v1/{key}", headers={"If-None-Match": "*"}), 422, "invalid_input")
    answer = http.delete(f"/v1/{key}", headers={"If-Match": f'"{revision}"'})
    assert answer.status_code == 200
    assert answer.json()["keys"] == [key]
    assert "etag" not in answer.headers
    problem(http.get(f"/v1/{key}"), 404, "not_found")
    put(http, key, b"2")
    assert http.delete(f"/v1/{key}", headers={"If-Match": "*"}).status_code == 200


def test_validate_only_checks_everything_and_writes_nothing(http: httpx2.Client, key: str) -> None:
    assert http.put(f"/v1/{key}?validate_only=true", content=b"1").status_code == 200
    problem(http.get(f"/v1/{key}"), 404, "not_found")
    problem(http.delete(f"/v1/{key}?validate_only=true"), 404, "not_found")
    revision = put(http, key, b"1")
    problem(http.put(f"/v1/{key}?validate_only=true", content=b"2"), 428, "precondition_required")
    problem(http.put(f"/v1/{key}?validate_only=true", content=b"2", headers={"If-Match": '"999999"'}), 412, "conflict")
    problem(http.put(f"/v1/{key}-big?validate_only=true", content=b"x" * 600_000), 413, "too_large")
    assert http.delete(f"/v1/{key}?validate_only=true", headers={"If-Match": "*"}).status_code == 200
    assert http.get(f"/v1/{key}").headers["etag"] == f'"{revision}"'


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "configs/av/1.0.0",
        "configs/av/1.0.0/a/b",
        "configs/av/../b",
        "configs/%2e%2e/a/b",
        "x" * 600,
        "a b/c",
    ],
)
def test_a_key_outside_the_layout(http: httpx2.Client, path: str) -> None:
    """400 with what keys look like, for every method."""
    for answer in (http.get(f"/v1/{path}"), http.put(f"/v1/{path}", content=b"1"), http.delete(f"/v1/{path}")):
        assert "configs/<target>" in problem(answer, 400, "invalid_key")["hint"]


@pytest.mark.parametrize(
    "path", ["effective/prod/av/x", "status/prod/av/x", "drift/prod/av", "hosts/h/av", "_system/leader"]
)
def test_the_daemons_own_keys_are_not_written(http: httpx2.Client, path: str) -> None:
    """403 for PUT and DELETE, whether the key exists or not."""
    problem(http.put(f"/v1/{path}", content=b"1"), 403, "forbidden")
    problem(http.put(f"/v1/{path}", content=b"1", headers={"If-Match": "*"}), 403, "forbidden")
    problem(http.delete(f"/v1/{path}", headers={"If-Match": "*"}), 403, "forbidden")


def test_what_is_published_never_changes(http: httpx2.Client) -> None:
    """409, also after it was removed: its name is not free for other content. The same content may come back."""
    key = f"schemas/immutable/1.0.{next(NUMBERS)}"
    put(http, key, b"{}")
    for headers in ({}, {"If-Match": "*"}, {"If-None-Match": "*"}):
        problem(http.put(f"/v1/{key}", content=b'{"type": "object"}', headers=headers), 409, "immutable")
    put(http, key, b"{}", 200, If_Match="*")
    assert http.delete(f"/v1/{key}", headers={"If-Match": "*"}).status_code == 200
    problem(http.put(f"/v1/{key}", content=b'{"type": "object"}'), 409, "immutable")
    put(http, key, b"{}")


def test_module_bytes_are_what_their_name_says(http: httpx2.Client) -> None:
    """422 for another digest; parts are held against the digest as soon as all of them are there."""
    module = b"\0asm" + bytes(range(256)) * 8
    name = hashlib.sha256(module).hexdigest()
    told = problem(http.put(f"/v1/modules/{'0' * 64}", content=module), 422, "invalid_input")
    assert name in told["hint"]
    put(http, f"modules/{name}", module)
    answer = http.get(f"/v1/modules/{name}")
    assert (answer.content, answer.headers["content-type"]) == (module, "application/wasm")
    whole = module * 2
    name = hashlib.sha256(whole).hexdigest()
    head = json.dumps({"chunks": 2, "bytes": len(whole)}).encode()
    put(http, f"modules/{name}/0", module)
    put(http, f"modules/{name}/1", b"wrong")
    problem(http.put(f"/v1/modules/{name}", content=head), 422, "invalid_input")
    problem(http.put(f"/v1/modules/{name}", content=b'{"chunks": 0}'), 422, "invalid_input")


def test_a_value_over_the_limit_is_refused_with_size_and_limit(http: httpx2.Client, key: str) -> None:
    """413 from the store's own limit, and from the daemon's for what no store takes."""
    told = problem(http.put(f"/v1/{key}", content=b"x" * 600_000), 413, "too_large")
    assert (told["size"], told["limit"]) == (600_000, 524_288)
    problem(http.put(f"/v1/{key}", content=b"x" * 2_000_000), 413, "too_large")

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 50_000

    problem(http.put(f"/v1/{key}", content=pieces()), 413, "too_large")
    put(http, key, b"x" * 524_288)


def test_methods_that_a_path_does_not_take(http: httpx2.Client, key: str) -> None:
    """405 with all that it takes in Allow (RFC 9110, 15.5.6)."""
    for method in ("POST", "PATCH", "OPTIONS"):
        answer = http.request(method, f"/v1/{key}")
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "DELETE, GET, HEAD, PUT"
    answer = http.put("/healthz", content=b"")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/x", "/favicon.ico", "/docs/assets/nothing.js", "/docs/assets/../../x"]
)
def test_a_path_that_is_nowhere(http: httpx2.Client, path: str) -> None:
    problem(http.get(path), 404, "not_found")


# ------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("raw", [b"", b"\0\xff\xfe", b"\xef\xbb\xbf{}", b"a: 1\n", bytes(range(256)), b"\r\n\r\n"])
def test_values_come_back_byte_for_byte(http: httpx2.Client, key: str, raw: bytes) -> None:
    """Whatever they are, and never as anything that a browser would run."""
    put(http, key, raw)
    answer = http.get(f"/v1/{key}")
    assert answer.content == raw
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].split(";")[0] in (
        "text/plain", "application/json", "application/octet-stream",
    )  # fmt: skip


def test_not_modified(http: httpx2.Client, key: str) -> None:
    """304 without a body to who has it already."""
    etag = f'"{put(http, key, b"1")}"'
    for known in (etag, f"W/{etag}", f'"7", {etag}', "*"):
        answer = http.get(f"/v1/{key}", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert http.get(f"/v1/{key}", headers={"If-None-Match": '"7"'}).status_code == 200


def test_head_is_get_without_a_body(http: httpx2.Client, key: str) -> None:
    put(http, key, b"12345")
    head, whole = http.head(f"/v1/{key}"), http.get(f"/v1/{key}")
    assert head.content == b""
    same = ("etag", "content-length", "content-type")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]
    assert http.head(f"/v1/{key}-absent").status_code == 404
    assert http.head("/v1/events").status_code == 200


def test_times_of_a_key(http: httpx2.Client, key: str) -> None:
    """Created stays, updated moves with the value."""
    put(http, key, b"1")
    first = http.get(f"/v1/{key}").headers
    assert first["x-created"] == first["x-updated"]
    put(http, key, b"2", 200, If_Match="*")
    second = http.get(f"/v1/{key}").headers
    assert second["x-created"] == first["x-created"] < second["x-updated"]


# ------------------------------------------------------------------------------------------------------- listing


def test_a_listing_in_pages(http: httpx2.Client) -> None:
    """Byte order of keys, every key once, values only when asked for."""
    names = [f"configs/pages/1.0.0/{name}" for name in ("B", "a", "a-b", "a.b", "a0", "b")]
    for name in names:
        put(http, name, name.encode())
    found, token = [], ""
    while True:
        query = {"page_size": "4", "values": "true"} | ({"page_token": token} if token else {})
        page = http.get("/v1/configs/pages/", params=query).json()
        assert len(page["items"]) <= 4
        found += page["items"]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert [item["key"] for item in found] == sorted(names, key=str.encode)
    assert all(item["value"] == item["key"] for item in found)
    (row, *_) = http.get("/v1/configs/pages/").json()["items"]
    assert row.keys() == {"key", "revision", "created", "updated"}
    assert http.get("/v1/configs/nothing-here/").json() == {"items": []}
    assert set(names) < {item["key"] for item in http.get("/v1/?page_size=10000").json()["items"]}


def test_a_listing_shows_bytes_as_base64(http: httpx2.Client, key: str) -> None:
    put(http, key, b"\xff\x00")
    items = http.get("/v1/configs/av/1.0.0/?values=true&page_size=10000").json()["items"]
    (row,) = [item for item in items if item["key"] == key]
    assert base64.b64decode(row["valueBase64"]) == b"\xff\x00"
    assert "value" not in row


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("configs/?page_size=0", 422, "invalid_input"),
        ("configs/?page_size=10001", 422, "invalid_input"),
        ("configs/?page_size=x", 422, "invalid_input"),
        ("nothing/", 400, "invalid_key"),
        ("configs//", 400, "invalid_key"),
        ("configs/%2e%2e/", 400, "invalid_key"),
    ],
)
def test_a_listing_that_cannot_be(http: httpx2.Client, path: str, status: int, code: str) -> None:
    problem(http.get(f"/v1/{path}"), status, code)


# ---------------------------------------------------------------------------------------------------------- fuzz

segments = st.text("aZ09._-/ %:*é\0", max_size=12)
paths = st.builds(
    "/".join, st.lists(st.sampled_from(["configs", "envs", "version", "a", "modules"]) | segments, max_size=5)
)
tags = st.sampled_from(["*", '"1"', '"0"', "x", 'W/"3"', '"1", "2"', "\xe9"]).map(lambda tag: tag.encode("latin-1"))
headers_ = st.dictionaries(st.sampled_from([b"If-Match", b"If-None-Match"]), tags)


@settings(max_examples=120, deadline=None)
@given(paths, st.sampled_from(["GET", "PUT", "DELETE", "HEAD", "POST"]), st.binary(max_size=40), headers_)
def test_whatever_is_asked_the_answer_is_one_of_the_contract(
    shared: Daemon, path: str, method: str, raw: bytes, headers: dict[bytes, bytes]
) -> None:
    """No request is answered with 5xx; a refusal is a problem; what a GET shows after a PUT is what was put."""
    url = f"{shared.url}/v1/{quote(path, safe='/').replace('.', '%2E')}"
    with shared.client() as client:
        answer = client.request(method, url, content=raw, headers=headers)
        if answer.status_code >= 400:
            assert answer.status_code < 500, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
        elif method == "PUT":
            assert is_desired(path)
            assert client.get(url).content == raw
            client.delete(url, headers={"If-Match": "*"})


def test_the_example_goes_in_and_comes_out(daemon: Daemon) -> None:
    """Every key of the scan-engine example, modules included, in one transaction, byte for byte."""
    keys = example_keys()
    daemon.load(keys)
    with daemon.client() as client:
        for key, raw in keys.items():
            assert client.get(f"/v1/{key}").content == raw, key

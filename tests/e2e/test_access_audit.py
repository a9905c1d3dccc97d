"""Who got in, who did not, and with what: entries of the journal, bounded whatever strangers do, without a secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, until
from tests.services.consul import ConsulWithAcl

POLICY = Path(__file__).parents[2] / "examples" / "consul-acl" / "policy.hcl"


def entries(daemon: Daemon, token: str, **query: Any) -> list[dict[str, Any]]:
    with daemon.client(authorization=f"Bearer {token}") as client:
        answer = client.get("/v1/events", params={"start": 0, "limit": 10_000, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def waited_for(daemon: Daemon, token: str, kind: str) -> list[dict[str, Any]]:
    for _ in until(f"{kind} is recorded"):
        found = entries(daemon, token, type=kind)
        if found:
            return found
    raise AssertionError


def test_logins_to_the_api(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """A token is told once, by nickname; failures with their reason, the first at once and a thousand as one."""
    tokens, good, bad = tmp_path / "tokens", "good-token-of-ann", "bad-token-of-mallory"
    tokens.write_text(good + "\n")
    daemon = start("--api-token-file", str(tokens))
    with daemon.client() as stranger:
        for _ in range(50):
            assert stranger.get("/v1/status", headers={"authorization": f"Bearer {bad}"}).status_code == 401
        assert stranger.get("/v1/status").status_code == 401
        assert stranger.get("/healthz").status_code == 200
    for _ in until("both ways to fail are recorded"):
        failed = entries(daemon, good, type="LoginFailed")
        if len(failed) >= 2:
            break
    assert {entry["data"]["reason"] for entry in failed} == {
        "the bearer token is not known", "no bearer token was sent",
    }  # fmt: skip
    assert failed[0]["data"]["address"] == "127.0.0.1"
    assert failed[0]["actor"] == {"kind": "user", "id": "anonymous", "via": "api"}
    (entry,) = waited_for(daemon, good, "LoggedIn")
    assert entry["stream"] == "access/api"
    assert entry["actor"]["kind"] == "token"
    assert entry["actor"]["id"] == entry["data"]["subject"]
    everything = str(entries(daemon, good)) + daemon.text()
    assert not [secret for secret in (good, bad) if secret in everything]
    assert daemon.stop() == 0
    daemon.start()
    failed = entries(daemon, good, type="LoginFailed")
    assert sum(entry["data"].get("count", 1) for entry in failed) == 51, "each is counted, at the stop at the latest"
    assert len(failed) < 10


def test_a_foreign_page_is_denied_and_told(start: Callable[..., Daemon]) -> None:
    """Without tokens only this machine's own programs are served; who tries otherwise stands in the journal."""
    daemon = start()
    with daemon.client() as client:
        answer = client.get("/v1/status?token=hush", headers={"origin": "https://evil.example"})
        assert answer.status_code == 403
    for _ in until("it is recorded"):
        found = daemon.entries(type="PolicyDenied")
        if found:
            break
    (entry,) = found
    assert entry["data"]["action"] == "GET"
    assert entry["data"]["resource"] == "/v1/status"
    assert "this machine's own programs" in entry["data"]["reason"]
    assert "hush" not in str(entry)


@pytest.mark.consul
def test_a_right_that_consul_does_not_give_is_told(consul_acl: ConsulWithAcl, start: Callable[..., Daemon]) -> None:
    """The daemon's token may not write desired keys: the refused write is an entry with its sentence."""
    narrow = POLICY.read_text() + 'key_prefix "versiqii/envs/" { policy = "read" }\n'
    token = consul_acl.create_token(narrow)
    daemon = start("--store", f"consul://{consul_acl.address}", CONSUL_HTTP_TOKEN=token)
    with daemon.client() as client:
        refused = client.put("/v1/envs/prod/eu/av/version", content=b"1.0.0")
    assert refused.status_code == 403, refused.text
    for _ in until("it is recorded"):
        found = daemon.entries(type="PolicyDenied")
        if found:
            break
    assert found[0]["data"]["resource"] == "/v1/envs/prod/eu/av/version"
    assert found[0]["data"]["action"] == "PUT"
    assert found[0]["data"]["reason"] == refused.json()["detail"]
    (used,) = daemon.entries(type="TokenUsed")
    assert used["data"]["method"] == "environment"
    assert token not in str(daemon.entries()) + daemon.text()

"""The Consul fixtures do to a real Consul what they say."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.services.consul import Consul, ConsulOnDisk
from tests.services.guard import tree
from tests.services.server import PortTakenError, ServerError
from tests.services.wire import free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.consul import ConsulWithAcl
    from tests.services.consul.cluster import ConsulCluster

pytestmark = pytest.mark.consul


def put(server: Consul, key: str, value: bytes) -> None:
    assert server.call("PUT", f"/v1/kv/{key}", value).json() is True


def get(server: Consul, key: str) -> bytes | None:
    reply = server.call("GET", f"/v1/kv/{key}?raw")
    return reply.body if reply.status == 200 else None


def test_a_fresh_consul_is_empty_and_takes_writes_and_sessions(consul: Consul) -> None:
    assert consul.call("GET", "/v1/kv/?recurse").status == 404
    put(consul, "a", b"1")
    assert get(consul, "a") == b"1"
    assert consul.call("PUT", "/v1/session/create", {}).status == 200


def test_two_at_once_do_not_meet(consul: Consul) -> None:
    with Consul() as other:
        put(consul, "a", b"mine")
        assert get(other, "a") is None
        assert {*consul.ports}.isdisjoint(other.ports)


def test_a_paused_consul_keeps_its_connections_and_answers_after_resume(consul: Consul) -> None:
    consul.pause()
    with pytest.raises(TimeoutError):
        consul.call("GET", "/v1/status/leader", timeout_s=0.2)
    assert consul.running
    consul.resume()
    assert consul.call("GET", "/v1/status/leader").status == 200


def test_a_paused_consul_can_be_stopped(consul: Consul) -> None:
    pid = consul.pid
    consul.pause()
    consul.stop()
    assert tree(pid) == []


def test_a_killed_consul_refuses_connections_and_comes_back_at_its_address(consul: Consul) -> None:
    address, pid = consul.address, consul.pid
    consul.kill()
    assert not consul.running
    with pytest.raises(ConnectionRefusedError):
        consul.call("GET", "/v1/status/leader")
    consul.start()
    assert (consul.address, consul.pid != pid) == (address, True)


def test_a_consul_that_died_by_itself_can_be_started_again(consul: Consul) -> None:
    os.kill(consul.pid, signal.SIGKILL)
    consul._process.wait()  # type: ignore[union-attr]
    assert not consul.running
    consul.start()
    put(consul, "a", b"1")


def test_stop_and_kill_may_be_repeated_and_start_may_not(consul: Consul) -> None:
    with pytest.raises(RuntimeError, match="runs already"):
        consul.start()
    consul.stop()
    consul.stop()
    consul.kill()
    with pytest.raises(RuntimeError, match="does not run"):
        consul.pause()


def test_on_disk_what_was_acknowledged_outlives_a_kill(consul_on_disk: ConsulOnDisk) -> None:
    put(consul_on_disk, "a", b"1")
    consul_on_disk.kill()
    consul_on_disk.start()
    assert get(consul_on_disk, "a") == b"1"
    put(consul_on_disk, "a", b"2")
    consul_on_disk.restart()
    assert get(consul_on_disk, "a") == b"2"


def test_a_snapshot_brings_back_what_was(consul: Consul, tmp_path: Path) -> None:
    put(consul, "a", b"1")
    consul.snapshot(tmp_path / "snapshot")
    put(consul, "a", b"2")
    put(consul, "b", b"3")
    consul.restore(tmp_path / "snapshot")
    assert (get(consul, "a"), get(consul, "b")) == (b"1", None)


def test_the_cluster_goes_on_without_its_leader(consul_cluster: ConsulCluster) -> None:
    first = consul_cluster.leader()
    followers = consul_cluster.followers()
    put(followers[0], "a", b"1")
    first.kill()
    assert consul_cluster.leader() in followers
    assert get(followers[1], "a") == b"1"
    put(followers[1], "a", b"2")
    first.start()
    assert get(first, "a") == b"2"


def test_acls_deny_by_default_and_tokens_may_do_what_their_rules_say(consul_acl: ConsulWithAcl) -> None:
    put(consul_acl, "open/a", b"1")
    put(consul_acl, "shut/a", b"2")
    root = consul_acl.token
    reader = consul_acl.create_token('key_prefix "open/" { policy = "read" }')
    for token, readable in (("", False), (reader, True)):
        consul_acl.token = token
        assert (get(consul_acl, "open/a") == b"1") is readable
        assert get(consul_acl, "shut/a") is None
        assert consul_acl.call("PUT", "/v1/kv/open/a", b"3").status == 403
    consul_acl.token = root
    consul_acl.revoke_token(reader)
    consul_acl.token = reader
    assert consul_acl.call("GET", "/v1/kv/open/a").status == 403


def test_a_taken_port_makes_it_start_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        taken = foreign.getsockname()[1]
        choices = [(taken, *free_ports(2)), free_ports(3)]
        monkeypatch.setattr("tests.services.server.free_ports", lambda _: choices.pop(0))
        with Consul() as server:
            assert taken not in server.ports
            assert server.running


def test_a_port_taken_while_it_was_down_is_reported_as_that(consul: Consul) -> None:
    consul.stop()
    with (
        socket.create_server(("127.0.0.1", consul.ports[0])),
        pytest.raises(PortTakenError, match="address already in"),
    ):
        consul.start()
    assert not consul.running


def test_a_server_that_cannot_start_says_why_and_leaves_nothing() -> None:
    server = Consul(config="no_such_setting = true")
    with pytest.raises(ServerError, match="no_such_setting"), server:
        pytest.fail("it must not start")
    assert not server.running
    assert not server.folder.exists()


def test_after_a_failing_test_nothing_is_left() -> None:
    with contextlib.suppress(LookupError), Consul() as server:
        pid = server.pid
        raise LookupError
    assert tree(pid) == []
    assert not server.folder.exists()


def test_settings_of_this_machine_do_not_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "foreign")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    with Consul() as server:
        environment = server.environment()
    assert "CONSUL_HTTP_TOKEN" not in environment
    assert environment["LC_ALL"] == "C"

"""Modules of every size on the embedded store and on Consul, whose transactions take less than its values do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.wasm_guests import guest, text
from tests.e2e.processes import Daemon
from tests.services.consul import Consul


def leb128(number: int) -> bytes:
    """As WebAssembly writes unsigned numbers."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + leb128(rest) if rest else bytes([low])


def module(size: int) -> bytes:
    """A guest that gives one config, of exactly this size: a custom section holds what no compression makes small."""
    data, answer = text('{"config":{"new":1}}')
    made = guest(answer, rest=data)
    room = size - len(made) - 2 - 4 - 1  # the section's id and size, and a name of three letters with its length
    noise = b"".join(hashlib.sha256(b"%d" % at).digest() for at in range(room // 32 + 1))
    for length in range(room, room - 8, -1):
        content = b"\x03pad" + noise[:length]
        whole = made + b"\x00" + leb128(len(content)) + content
        if len(whole) == size:
            return whole
    raise AssertionError(size)


WORLD = {
    "families/f": "{}",
    "schemas/f/1.0.0": '{"type": "object"}',
    "schemas/f/2.0.0": '{"type": "object", "required": ["new"]}',
    "targets/t": '{"family": "f", "schemas": {"1": "1.0.0", "2": "2.0.0"}}',
    "configs/t/1.0.0/c": '{"old": 1}',
    "bindings/prod/t/c": "",
    "envs/prod/t/version": "2.0.0",
}


@pytest.fixture(params=["sqlite", pytest.param("consul", marks=pytest.mark.consul)])
def daemon(request: pytest.FixtureRequest, start: Callable[..., Daemon]) -> Daemon:
    flags: tuple[str, ...] = ()
    if request.param == "consul":
        server: Consul = request.getfixturevalue("consul")
        flags = ("--store", f"consul://{server.address}")
    made = start(*flags)
    made.load({key: value.encode() for key, value in WORLD.items()})
    return made


@pytest.mark.parametrize(("size", "keys"), [(400_000, 1), (1_900_000, 6)])
def test_a_module_is_stored_whole_or_in_parts_and_runs(daemon: Daemon, tmp_path: Path, size: int, keys: int) -> None:
    """Up to 400 kB in one key, beyond in parts and the list of them; registered twice it is the same."""
    file = tmp_path / "module.wasm"
    file.write_bytes(module(size))
    add: Any = ("migrations", "add", "f", "1.0.0", "2.0.0", "--wasm", str(file))
    for _ in range(2):
        done = daemon.cli(*add)
        assert done.returncode == 0, done.stderr
    hexdigest = hashlib.sha256(file.read_bytes()).hexdigest()
    status = daemon.until_status("prod/t/c", state="Migrated")
    assert status["steps"][0]["digest"] == f"sha256:{hexdigest}"
    with daemon.client() as client:
        items = client.get("/v1/modules/").json()["items"]
        head = client.get(f"/v1/modules/{hexdigest}")
        assert client.get("/v1/effective/prod/t/c").json() == {"new": 1}
    assert len(items) == keys
    if keys == 1:
        assert head.content == file.read_bytes()
    else:
        assert json.loads(head.content) == {"bytes": size, "chunks": keys - 1}

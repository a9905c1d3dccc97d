"""A config goes 1.0.0 → 3.0.0 → 1.0.0 on a running daemon, through guests in three languages, and comes back the same.

Up is what an engine of 3.x reads of the config that was written for 1.0.0. Down is what an engine of 1.x reads of that
very document, written for 3.0.0 under another name.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.guests.test_guest_sdks import CACHE, Guest, made
from tests.e2e.processes import Daemon, example_keys
from versiqiid.core.canonical import canonical
from versiqiid.core.document import read
from versiqiid.core.modules import split

pytestmark = pytest.mark.timeout(1800)  # compilers are fetched and components compiled, once

WAYS = [("rust", "c", "assemblyscript"), ("python", "c", "lua")]


def migration(guest: Guest, entry: str) -> tuple[dict[str, bytes], dict[str, object]]:
    """The keys of the module, and the manifest of one direction."""
    script = guest.scripts[entry == "vq_down"]
    if script is not None:
        return {}, {"runtime": "lua", "source": script}
    keys = split(guest.module)
    head = next(key for key in keys if key.count("/") == 1)
    return keys, {"runtime": "wasm", "module": f"sha256:{head.removeprefix('modules/')}"}


def example(up: Guest, down: Guest) -> dict[str, bytes]:
    """The example, with the step between 1.0.0 and 2.0.0 in one language up and in another down; 3.0.0 stays in C."""
    keys = example_keys()
    for ends, guest, entry in (("1.0.0/2.0.0", up, "vq_up"), ("2.0.0/1.0.0", down, "vq_down")):
        module, manifest = migration(guest, entry)
        keys |= module | {f"migrations/scan-engine/{ends}": json.dumps(manifest).encode()}
    return keys


def load(daemon: Daemon, keys: dict[str, bytes]) -> None:
    """Modules first, their parts before their heads; then all else at once, which tries the laws: a component is
    compiled for that, which may take a minute on a busy machine.
    """
    modules = {key: raw for key, raw in keys.items() if key.startswith("modules/")}
    rest = {key: raw for key, raw in keys.items() if key not in modules}
    operations = [{"op": "set", "key": key, "value": raw.decode()} for key, raw in rest.items()]
    with daemon.client() as client:
        for key in sorted(modules, key=lambda each: (-each.count("/"), each)):
            answer = client.put(f"/v1/{key}", content=modules[key])
            assert answer.status_code in (200, 201), answer.text
        for _ in range(40):  # each waits for half a minute before it says that the compiler is not done
            answer = client.post("/v1/txn", json={"operations": operations})
            if answer.status_code != 503:
                break
            assert "being compiled" in answer.json()["detail"]
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("languages", WAYS, ids="-".join)
def test_a_config_goes_up_and_down_in_three_languages(
    languages: tuple[str, str, str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Byte for byte, and each status names the steps that were taken."""
    folder = tmp_path_factory.mktemp("guests")
    keys = example(made(languages[0], folder), made(languages[2], folder))
    written = canonical(read(keys["configs/av-engine/1.0.0/default"]))
    daemon = Daemon(tmp_path)
    try:
        compiled = daemon.data_dir / "compiled"
        if (CACHE / "compiled").is_dir():  # by an earlier test: the same code, and a minute less
            compiled.parent.mkdir(mode=0o700)
            shutil.copytree(CACHE / "compiled", compiled)
        daemon.start()
        load(daemon, keys | {"envs/prod/asia-sg/av-engine/version": b"3.0.1"})
        up = daemon.until_status("prod/asia-sg/av-engine/default", state="Migrated", schemaVersion="3.0.0")
        assert [(step["from"], step["to"]) for step in up["steps"]] == [("1.0.0", "2.0.0"), ("2.0.0", "3.0.0")]
        with daemon.client() as client:
            third = client.get("/v1/effective/prod/asia-sg/av-engine/default").content
        daemon.load({"configs/av-engine/3.0.0/back": third, "bindings/prod/eu-fr/av-engine/back": b""})
        down = daemon.until_status("prod/eu-fr/av-engine/back", state="Migrated", schemaVersion="1.0.0")
        assert [(step["from"], step["to"]) for step in down["steps"]] == [("3.0.0", "2.0.0"), ("2.0.0", "1.0.0")]
        digests = {step["digest"] for step in (*up["steps"], *down["steps"])}
        assert len(digests) == 3
        with daemon.client() as client:
            back = client.get("/v1/effective/prod/eu-fr/av-engine/back").content
            ours = client.get("/v1/effective/prod/eu-fr/av-engine/default").content
        assert back == ours == written
        assert third != written
    finally:
        daemon.close()

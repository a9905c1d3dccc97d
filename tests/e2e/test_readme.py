"""The README's transcripts, typed into a real shell against a real Consul: what the page shows is what happens."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.transcripts import Shell, Step, perform, sessions
from tests.e2e.processes import clean_environment, command
from tests.services.consul import Consul
from tests.services.wire import free_ports

ROOT = Path(__file__).parents[2]
SESSIONS = sessions((ROOT / "README.md").read_text(encoding="utf-8"))


def programs(folder: Path, consul: Path | None = None) -> Path:
    """A folder for ``PATH`` with the commands of the page, as they are on this machine."""
    folder.mkdir()
    for name in ("versiqiid", "versiqii"):
        script = folder / name
        words = " ".join(f"'{word}'" for word in command(name))
        script.write_text(f'#!/bin/sh\nexport PYTHONPATH="{ROOT}"\nexec {words} "$@"\n')
        script.chmod(0o755)
    if consul is not None:
        (folder / "consul").symlink_to(consul)
    return folder


def environment(tmp_path: Path, found: Path, **more: str) -> dict[str, str]:
    path = f"{found}:{Path(sys.executable).parent}:{clean_environment()['PATH']}"
    return clean_environment(PATH=path, HOME=str(tmp_path), LC_ALL="C.UTF-8", **more)


def play(steps: list[Step], shell: Shell, names: dict[str, str]) -> None:
    try:
        for step in steps:
            perform(step, shell, names)
    finally:
        shell.close()


def test_the_readme_has_its_transcripts() -> None:
    """A marker that is lost would leave the page unchecked."""
    assert {name: len(steps) >= 1 for name, steps in SESSIONS.items()} == {"demo": True, "consul": True}


def test_the_demo_shows_what_the_page_shows(tmp_path: Path) -> None:
    """``make demo`` itself would make an environment; what it runs is the program."""
    (step,) = SESSIONS["demo"]
    assert step.command == "make demo"
    shown = Step(step.line, f"'{sys.executable}' examples/scan-engine/demo.py", step.answer)
    play([shown], Shell(ROOT, environment(tmp_path, programs(tmp_path / "bin"))), {})


@pytest.mark.consul
def test_nothing_but_keys_in_consul(tmp_path: Path, consul: Consul) -> None:
    """An upgrade, a refusal, a broken config and a downgrade with ``consul kv put`` and ``get`` alone."""
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    shutil.copytree(ROOT / "examples" / "scan-engine" / "keys", tmp_path / "examples" / "scan-engine" / "keys")
    shell = Shell(
        tmp_path,
        environment(
            tmp_path,
            programs(tmp_path / "bin", consul.found.path),
            CONSUL_HTTP_ADDR=consul.address,
            VERSIQII_LISTEN=listen,
            VERSIQII_ADDR=f"http://{listen}",
        ),
    )
    play(SESSIONS["consul"], shell, {"127.0.0.1:8500": consul.address, "127.0.0.1:8080": listen})

"""The transcripts of README and docs, typed into a real shell: what a page shows is what happens."""

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
EMBEDDED = [
    pytest.param(page, name, id=name)
    for page in sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/README.md")])
    for name in sessions(page.read_text(encoding="utf-8"))
]
"""Transcripts of the other pages: they need nothing but the daemon's own store."""
HOST_FOLDER = "/tmp/av-engine"  # noqa: S108 - what the pages say; in a test it is the test's own


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


def world(tmp_path: Path, consul: Path | None = None, **more: str) -> tuple[Shell, dict[str, str]]:
    """A shell in a folder that looks like the checkout, with the daemon's usual port moved to a free one."""
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    host, real = tmp_path / "examples" / "agent" / "versiqiid.toml", str(tmp_path / "av-engine")
    host.write_text(host.read_text().replace(HOST_FOLDER, real))
    found = programs(tmp_path / "bin", consul)
    around = environment(tmp_path, found, VERSIQII_LISTEN=listen, VERSIQII_ADDR=f"http://{listen}", **more)
    return Shell(tmp_path, around), {"127.0.0.1:8080": listen, HOST_FOLDER: real}


def test_the_readme_has_its_transcripts() -> None:
    """A marker that is lost would leave the page unchecked."""
    assert {name: len(steps) >= 1 for name, steps in SESSIONS.items()} == {"demo": True, "consul": True}


def test_the_demo_shows_what_the_page_shows(tmp_path: Path) -> None:
    """``make demo`` itself would make an environment; what it runs is the program."""
    (step,) = SESSIONS["demo"]
    assert step.command == "make demo"
    shown = Step(step.line, f"'{sys.executable}' examples/scan-engine/demo.py", step.answer)
    play([shown], Shell(ROOT, environment(tmp_path, programs(tmp_path / "bin"))), {})


@pytest.mark.parametrize(("page", "name"), EMBEDDED)
def test_the_pages_show_what_happens(tmp_path: Path, page: Path, name: str) -> None:
    """Each session of ``docs/`` begins with a daemon of its own on the embedded store."""
    play(sessions(page.read_text(encoding="utf-8"))[name], *world(tmp_path))


@pytest.mark.consul
def test_nothing_but_keys_in_consul(tmp_path: Path, consul: Consul) -> None:
    """An upgrade, a refusal, a broken config and a downgrade with ``consul kv put`` and ``get`` alone."""
    shell, names = world(tmp_path, consul.found.path, CONSUL_HTTP_ADDR=consul.address)
    play(SESSIONS["consul"], shell, names | {"127.0.0.1:8500": consul.address})

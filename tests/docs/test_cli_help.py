"""`versiqii --help` is quick because it imports next to nothing; every command explains itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from versiqiid.cli.app import COMMANDS, cli

HEAVY = (
    "fastapi",
    "sqlalchemy",
    "hvac",
    "wasmtime",
    "pydantic",
    "httpx2",
    "jsonschema",
    "jsonschema_rs",
    "ruamel",
    "rich",
)


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None, name
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from commands(found, *path, name)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["configs", "--help"], ["configs", "create", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from versiqiid.cli.app import run; code = run(sys.argv[1:]); "
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_every_command_and_option_says_what_it_is() -> None:
    silent = [" ".join(path) for path, command in commands(cli) if not command.get_short_help_str()]
    assert silent == []


def test_the_list_of_commands_is_the_commands() -> None:
    assert set(COMMANDS) == {path[0] for path, _ in commands(cli)}

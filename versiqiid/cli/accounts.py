"""A config carried by the daemon without being stored: asked for, told, and its stash kept in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from versiqiid.cli.commands.shared import read_input
from versiqiid.cli.exits import Exit
from versiqiid.cli.lawtext import show_account
from versiqiid.cli.session import Session
from versiqiid.core.document import read


def carry(
    session: Session, path: str, asked: dict[str, Any], *, stash: str | None = None, stash_out: str | None = None
) -> int:
    """Ask for the account of a config's way and print it.

    :param asked: what the body says, but for the stash; its ``config`` is the file to read.
    :param stash: a file with the stash of an earlier answer, or with that whole answer; ``stash_out``: where to write.
    :raises Unreadable: the config is no document. :raises UsageError: a file cannot be read or written.
    """
    body = {**asked, "config": read(read_input(asked["config"]), by_rule=True)}
    if stash is not None:
        body["stash"] = _stash(stash)
    told = session.request("POST", path, body=json.dumps(body, ensure_ascii=False).encode()).json()
    show_account(session, told)
    if stash_out is not None:
        _write(stash_out, told["stash"])
    return Exit.OK if told["verdict"]["valid"] else Exit.INVALID


def _stash(file: str) -> Any:
    try:
        told = json.loads(read_input(file))
    except ValueError as error:
        raise click.UsageError(f"file {file!r}: no JSON") from error
    return told["stash"] if isinstance(told, dict) and "stash" in told else told


def _write(file: str, stash: Any) -> None:
    try:
        Path(file).write_text(json.dumps(stash, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"file {file!r}: {error.strerror}") from error

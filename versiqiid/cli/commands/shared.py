"""Options and readings that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from versiqiid.errors import InvalidInput

F = TypeVar("F", bound=Callable[..., Any])


def dry_run(command: F) -> F:
    """``--dry-run``: check everything, write nothing."""
    return click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")(command)


def check_index(command: F) -> F:
    """``--check-index N``: write only over exactly this revision (0 = only create)."""
    return click.option("--check-index", type=int, metavar="N", help="Write only over revision N; 0 = only create.")(command)


def read_input(source: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``.

    :raises InvalidInput: the file cannot be read.
    """
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise InvalidInput(f"file {source}: {error.strerror}") from error


def split_version(target: str) -> tuple[str, str | None]:
    """``name@version`` as its two parts, the version None when none is named."""
    name, at, version = target.partition("@")
    return name, version if at else None


def wrote(session: Any, key: str, told: dict[str, Any], *, dry: bool) -> None:
    """Print what was written: the key alone is the id of a thing."""
    session.tell("nothing was written (--dry-run)" if dry else f"written at revision {told['revision']}")
    row = {"key": key, "revision": told["revision"], "correlationId": told["correlationId"]}
    if session.output in ("json", "yaml"):
        session.show(row)
    else:
        print(key)

"""Options and readings that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from versiqiid.cli.problems import PreconditionRequired
from versiqiid.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])


def dry_run(command: F) -> F:
    """``--dry-run``: check everything, write nothing."""
    return click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")(command)


def check_index(command: F) -> F:
    """``--check-index N``: write only over exactly this revision (0 = only create)."""
    text = "Write only over revision N; 0 = only create."
    return click.option("--check-index", type=click.IntRange(0), metavar="N", help=text)(command)


def read_input(source: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``.

    :raises UsageError: the file cannot be read.
    """
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise click.UsageError(f"file {source!r}: {getattr(error, 'strerror', None) or 'no such name'}") from error


def split_version(target: str) -> tuple[str, str | None]:
    """A target and perhaps a version of it, from ``name``, ``name@version``, or the key of either."""
    if target.startswith("targets/"):
        name, slash, version = target.removeprefix("targets/").partition("/")
        return name, version if slash else None
    name, at, version = target.partition("@")
    return name, version if at else None


def save(
    session: Session, key: str, raw: bytes, *, check_index: int | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Write a key over what is there now, or over exactly ``check_index``; a race is a conflict, never a loss."""
    if check_index is not None:
        return session.put(key, raw, over=check_index or None, dry_run=dry_run)
    try:
        return session.put(key, raw, dry_run=dry_run)
    except PreconditionRequired:
        return session.put(key, raw, over=session.key(key).etag, dry_run=dry_run)


def remove(session: Session, key: str, *, check_index: int | None = None, dry_run: bool = False) -> None:
    """Remove a key as it is now, or as it was at exactly ``check_index``, and print it."""
    revision = session.key(key).etag if check_index is None else check_index
    query = {"validate_only": "true"} if dry_run else {}
    session.request("DELETE", f"/v1/{key}", headers={"If-Match": f'"{revision}"'}, query=query)
    session.tell("nothing was removed (--dry-run)" if dry_run else "removed")
    print(key)


def wrote(session: Session, key: str, told: dict[str, Any], *, dry: bool) -> None:
    """Print what was written: the key alone is the id of a thing."""
    session.tell("nothing was written (--dry-run)" if dry else f"written at revision {told['revision']}")
    row = {"key": key, "revision": told["revision"], "correlationId": told["correlationId"]}
    if session.output in ("json", "yaml"):
        session.show(row, "key")
    else:
        print(key)


def wrote_all(session: Session, keys: Iterable[str], told: dict[str, Any], *, dry: bool) -> None:
    """Print the keys that one transaction wrote, a line each; in JSON and YAML one alone is no list."""
    session.tell("nothing was written (--dry-run)" if dry else f"written at revision {told['revision']}")
    rows = [{"key": key, "revision": told["revision"], "correlationId": told["correlationId"]} for key in keys]
    if session.output in ("json", "yaml"):
        session.show(rows if len(rows) > 1 else rows[0], "key")
    else:
        print("\n".join(row["key"] for row in rows))


def told_json(item: dict[str, Any]) -> dict[str, Any]:
    """A listed value as an object; empty when it is none, so that one broken key hides no other."""
    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.errors import InvalidInput  # noqa: PLC0415

    try:
        told = read(item.get("value", "").encode())
    except InvalidInput:
        return {}
    return told if isinstance(told, dict) else {}

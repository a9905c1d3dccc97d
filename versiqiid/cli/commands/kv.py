"""``versiqii kv``: keys as they are, through the daemon, or offline straight at a store with ``--store``."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from versiqiid.cli import output
from versiqiid.cli.commands.shared import read_input
from versiqiid.cli.keyspace import Keyspace, Offline, Online
from versiqiid.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Place:
    """Which keys the command is about."""

    session: Session
    store: str | None = None
    root: str = "versiqii"

    @property
    def keys(self) -> Keyspace:
        return Offline(self.store, self.root) if self.store else Online(self.session)


def _take(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """``--store`` and ``--root`` may stand before or behind the command's name."""
    if isinstance(ctx.obj, Session):
        ctx.obj = Place(ctx.obj)
    if value is not None and parameter.name:
        setattr(ctx.obj, parameter.name, value)


def _where(command: F) -> F:
    store = "Work offline on this store (sqlite:///FILE, consul://host:port); the daemon need not run."
    root = "The first segment of every key, with --store; default: versiqii."
    command = click.option("--root", envvar="VERSIQII_ROOT", help=root, expose_value=False, callback=_take)(command)
    return click.option("--store", help=store, expose_value=False, callback=_take)(command)


@click.group()
@_where
def kv() -> None:
    """Keys as they are. KEY is relative to the root, such as envs/prod/asia-sg/av-engine/version."""


@kv.command()
@click.argument("key")
@_where
@click.pass_obj
def get(place: Place, key: str) -> None:
    """Print the value of KEY, byte for byte."""
    found = place.keys.get(key)
    if place.session.output in ("json", "yaml"):
        place.session.show(_told(found), "key")
    elif place.session.output == "name":
        print(key)
    else:
        output.raw(found["raw"])


@kv.command()
@click.argument("key")
@click.argument("value")
@click.option(
    "--cas",
    "--check-index",
    "revision",
    type=click.IntRange(0),
    metavar="N",
    help="Only over revision N; 0 = only create.",
)
@_where
@click.pass_obj
def put(place: Place, key: str, value: str, revision: int | None) -> None:
    """Write VALUE to KEY: text, @FILE, or - for standard input. Without --cas whatever is there is replaced."""
    raw = read_input(value.removeprefix("@")) if value.startswith("@") or value == "-" else value.encode()
    written = place.keys.put(key, raw, revision)
    place.session.tell(f"written at revision {written}")
    if place.session.output in ("json", "yaml"):
        place.session.show({"key": key, "revision": written}, "key")
    else:
        print(key)


@kv.command()
@click.argument("prefix", default="")
@_where
@click.pass_obj
def ls(place: Place, prefix: str) -> None:
    """List keys under PREFIX, or all of them."""
    rows = [_told(row) for row in place.keys.list(prefix.strip("/"))]
    if place.session.output in (None, "table"):
        place.session.output = "name"
    place.session.show(rows, "key", "revision", "updated", wide=("created",))


@kv.command()
@click.argument("key")
@click.option(
    "--cas", "--check-index", "revision", type=click.IntRange(1), metavar="N", help="Only when it is at revision N."
)
@_where
@click.pass_obj
def rm(place: Place, key: str, revision: int | None) -> None:
    """Remove KEY."""
    place.keys.delete(key, revision)
    place.session.tell("removed")
    print(key)


@kv.command()
@click.argument("prefix", default="")
@click.option("--count", type=click.IntRange(0), default=0, help="Stop after this many events; 0 = go on.")
@_where
@click.pass_obj
def watch(place: Place, prefix: str, count: int) -> None:
    """Print an event a line, as JSON, for each key under PREFIX (or PREFIX itself) created, updated or deleted."""
    begun = lambda: place.session.tell("watching")  # noqa: E731 - one word, said once
    for number, event in enumerate(place.keys.watch(prefix.strip("/"), begun), start=1):
        print(json.dumps(event), flush=True)
        if number == count:
            return


@kv.command()
@click.argument("file", default="-")
@_where
@click.pass_obj
def txn(place: Place, file: str) -> None:
    """Several keys at once, all or nothing: {operations: [{op, key, value? | valueBase64?, revision?}]}."""
    revision = place.keys.transact(read_input(file))
    place.session.tell(f"written at revision {revision}")
    if place.session.output in ("json", "yaml"):
        place.session.show({"revision": revision}, "revision")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: row.get(name) for name in ("key", "revision", "created", "updated")}
    raw = row.get("raw")
    if raw is None:
        return told
    try:
        return told | {"value": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return told | {"valueBase64": base64.b64encode(raw).decode("ascii")}

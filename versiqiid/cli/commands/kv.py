"""``versiqii kv``: keys as they are, through the daemon, or offline straight at a store with ``--store``."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import click

from versiqiid.cli.commands.shared import read_input
from versiqiid.cli.keyspace import Keyspace, Offline, Online
from versiqiid.cli.session import Session


@click.group()
@click.option("--store", help="Work offline on this store (sqlite:///FILE, consul://host:port); the daemon need not run.")
@click.option("--root", default="versiqii", show_default=True, help="The first segment of every key, with --store.")
@click.pass_context
def kv(ctx: click.Context, store: str | None, root: str) -> None:
    """Keys as they are. KEY is relative to the root, such as envs/prod/asia-sg/av-engine/version."""
    session: Session = ctx.obj
    ctx.obj = (session, Offline(store, root) if store else Online(session))


@kv.command()
@click.argument("key")
@click.pass_obj
def get(both: tuple[Session, Keyspace], key: str) -> None:
    """Print the value of KEY, byte for byte."""
    session, space = both
    found = space.get(key)
    if session.output in ("json", "yaml"):
        session.show(_told(found))
        return
    sys.stdout.buffer.write(found["raw"])
    sys.stdout.buffer.flush()


@kv.command()
@click.argument("key")
@click.argument("value")
@click.option("--cas", "--check-index", "revision", type=int, metavar="N", help="Only over revision N; 0 = only create.")
@click.pass_obj
def put(both: tuple[Session, Keyspace], key: str, value: str, revision: int | None) -> None:
    """Write VALUE to KEY: text, @FILE, or - for standard input. Without --cas whatever is there is replaced."""
    session, space = both
    raw = read_input(value[1:] if value.startswith("@") else value) if value.startswith("@") or value == "-" else value.encode()
    session.tell(f"written at revision {space.put(key, raw, revision)}")
    print(key)


@kv.command()
@click.argument("prefix", default="")
@click.pass_obj
def ls(both: tuple[Session, Keyspace], prefix: str) -> None:
    """List keys under PREFIX (a whole room, or deeper)."""
    session, space = both
    rows = [_told(row) for row in space.list(prefix.strip("/"))]
    if session.output in (None, "table"):
        for row in rows:
            print(row["key"])
        return
    session.show(rows, "key", "revision", "updated", wide=("created",))


@kv.command()
@click.argument("key")
@click.option("--cas", "--check-index", "revision", type=int, metavar="N", help="Only when it is at revision N.")
@click.pass_obj
def rm(both: tuple[Session, Keyspace], key: str, revision: int | None) -> None:
    """Remove KEY."""
    session, space = both
    space.delete(key, revision)
    session.tell("removed")
    print(key)


@kv.command()
@click.argument("prefix", default="")
@click.option("--count", type=int, default=0, help="Stop after this many events; 0 = go on.")
@click.pass_obj
def watch(both: tuple[Session, Keyspace], prefix: str, count: int) -> None:
    """Print an event a line, as JSON, for each key under PREFIX that is created, updated or deleted."""
    _, space = both
    for number, event in enumerate(space.watch(prefix.strip("/")), start=1):
        print(json.dumps(event), flush=True)
        if number == count:
            return


@kv.command()
@click.argument("file")
@click.pass_obj
def txn(both: tuple[Session, Keyspace], file: str) -> None:
    """Several keys at once, all or nothing: {"operations": [{op, key, value? | valueBase64?, revision?}]} in FILE or -."""
    session, space = both
    session.tell(f"written at revision {space.transact(read_input(file))}")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: row.get(name) for name in ("key", "revision", "created", "updated")}
    raw = row.get("raw")
    if raw is None:
        return told
    try:
        return told | {"value": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return told | {"valueBase64": base64.b64encode(raw).decode("ascii")}

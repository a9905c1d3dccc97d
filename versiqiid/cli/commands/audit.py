"""``versiqii audit``: the journal, listed, followed, proved, exported and verified. Most work without a daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from versiqiid.cli import output
from versiqiid.cli.commands.search import search
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session
from versiqiid.errors import InvalidInput, JournalRefused, VersiqiiError

if TYPE_CHECKING:
    from versiqiid.cli import journals

_Take = Callable[[list[dict[str, Any]]], None]
_PATH = click.Path(path_type=Path)


def _place(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the journal is, for commands that open it themselves."""
    data_dir = "The daemon's data directory; default: as the daemon's."
    command = click.option("--data-dir", type=_PATH, help=data_dir)(command)
    return click.option("--journal", help="sqlite:///FILE or postgresql://…; default: in the data directory.")(command)


@click.group()
def audit() -> None:
    """The append-only, tamper-evident journal."""


@audit.command("list")
@click.option("--all", "everything", is_flag=True, help="From the first entry to the last.")
@click.option("--start", type=int, help="First position; default: the last 100 entries.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--type", "kind", help="Only entries of this type.")
@click.option("--stream", help="Only entries of this stream.")
@click.option("--key", help="Only entries about this key.")
@click.option("--correlation", help="Only entries of this correlation id.")
@_place
@click.pass_obj
def list_(  # noqa: PLR0917 - click passes all of them by name
    session: Session,
    /,
    everything: bool,
    start: int | None,
    limit: int,
    journal: str | None,
    data_dir: Path | None,
    **by: Any,
) -> None:
    """Entries in ascending order."""
    asked = {"type": by["kind"], "stream": by["stream"], "key": by["key"], "correlation_id": by["correlation"]}
    asked = {name: value for name, value in asked.items() if value}

    def pages(take: _Take) -> None:
        if journal or data_dir:
            from versiqiid.cli.journals import Wanted, entries  # noqa: PLC0415

            wanted = Wanted(0, None, asked) if everything else Wanted(start, limit, asked)
            entries(journal, data_dir, wanted, take)
        else:
            _fetch(session, take, everything=everything, start=start, limit=limit, asked=asked)

    columns = output.Columns(("position", "time", "type", "stream"), ("correlationId", "actor"))
    output.show_pages(pages, columns, session.output or "table")


def _fetch(
    session: Session, take: _Take, *, everything: bool, start: int | None, limit: int, asked: dict[str, Any]
) -> None:
    if start is None:
        size = session.get("/v1/events", limit=1).json()["size"]
        start = 0 if everything or asked else max(0, size - limit)
    while True:
        page = session.get("/v1/events", start=start, limit=10_000 if everything else limit, **asked).json()
        take(page["items"])
        if not everything or "nextStart" not in page:
            return
        start = page["nextStart"]


@audit.command()
@click.option("--start", type=int, help="First position; default: what comes next.")
@click.option("--count", type=int, default=0, help="Stop after this many entries; 0 = go on.")
@click.pass_obj
def tail(session: Session, start: int | None, count: int) -> None:
    """Follow the journal, an entry a line, as JSON; over restarts of the daemon, each entry once."""
    from versiqiid.cli.following import entries_from  # noqa: PLC0415

    if start is None:
        start = session.get("/v1/events", limit=1).json()["size"]
    for number, entry in enumerate(entries_from(session, start), start=1):
        print(json.dumps(entry, ensure_ascii=False), flush=True)
        if number == count:
            return


@audit.command()
@click.argument("directory", type=_PATH, required=False)
@_place
@click.option("--vkey", type=_PATH, multiple=True, help="File with the log's verifier key, had from elsewhere.")
@click.option("--against", type=_PATH, multiple=True, help="Signed checkpoint that was kept elsewhere.")
@click.option("--witness", type=_PATH, multiple=True, help="File with the key of a witness that must have cosigned.")
@click.option(
    "--every-checkpoint", is_flag=True, help="Of a journal: look at all of its checkpoints, not at thousands."
)
@click.option("--receipt", type=_PATH, help="Verify this receipt alone, with --entry and --vkey.")
@click.option("--entry", type=_PATH, help="The entry that the receipt is of.")
@click.option("--timestamp", type=_PATH, help="Verify this time stamp alone, with --checkpoint and --ca.")
@click.option("--checkpoint", type=_PATH, help="The checkpoint that the time stamp is of.")
@click.option("--ca", type=_PATH, help="Root certificates that the authority's own must lead to, as PEM.")
@click.option(
    "--attack", is_flag=True, help="Instead, try every known way past the database's guards, on a scratch copy."
)
@click.pass_obj
def verify(
    session: Session, /, directory: Path | None, vkey: tuple[Path, ...], against: tuple[Path, ...], **given: Any
) -> int:
    """Verify an exported DIRECTORY, a journal, a receipt or a time stamp.

    Exit 0 verified, 3 refused, 1 could not judge.
    """
    from versiqiid.cli.journals import Trusted  # noqa: PLC0415

    try:
        if given["attack"]:
            from versiqiid.cli import attack  # noqa: PLC0415

            return attack.told(session, attack.attempts(given["journal"], given["data_dir"]))
        lines = _verified(directory, Trusted(vkey, against, given["witness"], given["every_checkpoint"]), given)
    except JournalRefused as refusal:
        if refusal.hint:
            print(refusal.hint)
        print(refusal.message)
        print(f"refused: {refusal.fault} at {refusal.place}")
        return Exit.INVALID
    except (VersiqiiError, OSError) as error:
        session.tell(f"versiqii: could not judge: {error}")
        return Exit.FAILED
    for line in lines:
        print(line)
    return Exit.OK


def _verified(directory: Path | None, trusted: journals.Trusted, given: dict[str, Any]) -> list[str]:
    from versiqiid.cli import journals  # noqa: PLC0415

    if given["timestamp"]:
        if not given["checkpoint"] or not given["ca"]:
            raise InvalidInput("--timestamp needs --checkpoint FILE and --ca FILE")
        return journals.verify_stamp(given["timestamp"], given["checkpoint"], given["ca"])
    if given["receipt"]:
        return journals.verify_receipt_file(given["receipt"], given["entry"], trusted)
    if directory is not None:
        return journals.verify_export(directory, trusted)
    return journals.verify_here(given["journal"], given["data_dir"], trusted)


@audit.command()
@click.argument("position", type=int)
@_place
@click.option("--entry", "entry_file", type=_PATH, help="Also write the entry's bytes to this file.")
@click.pass_obj
def prove(session: Session, position: int, journal: str | None, data_dir: Path | None, entry_file: Path | None) -> None:
    """Print the receipt of entry POSITION, verifiable offline for ever."""
    from versiqiid.cli import journals  # noqa: PLC0415

    receipt, entry = journals.receipt(journal, data_dir, position)
    if entry_file is not None:
        entry_file.write_bytes(entry)
        session.tell(f"the entry is in {entry_file}")
    print(receipt.decode("utf-8"), end="")


@audit.command()
@click.argument("directory", type=_PATH)
@_place
@click.pass_obj
def export(session: Session, directory: Path, journal: str | None, data_dir: Path | None) -> None:
    """Sign a checkpoint and write the log to DIRECTORY in the public tile format; repeat to extend it."""
    from versiqiid.cli import journals  # noqa: PLC0415

    try:
        session.tell(journals.export_to(journal, data_dir, directory))
    except JournalRefused as refusal:
        print(f"refused: {refusal.fault} at {refusal.place}")
        raise
    print(directory)


@audit.command()
@click.option(
    "--witness", "asked", help="https://host/prefix#<its key>, comma separated; default: the setting witness."
)
@_place
def witness(asked: str | None, journal: str | None, data_dir: Path | None) -> None:
    """Sign a checkpoint and have the witnesses cosign it; print it with their signatures.

    A witness that has seen another history refuses: exit 3, "refused: fork" or "refused: truncation".
    """
    from versiqiid.cli import journals  # noqa: PLC0415

    try:
        note = journals.witness(journal, data_dir, asked)
    except JournalRefused as refusal:
        print(f"refused: {refusal.fault} at {refusal.place}")
        raise
    print(note.decode("utf-8"), end="")


@audit.command()
@click.argument("checkpoint", type=_PATH)
@click.argument("response", type=_PATH)
@click.option("--authority", help="Address of the time-stamping authority; default: the setting timestamp.")
@click.option("--ca", type=_PATH, help="Its root certificates as PEM; default: the setting timestamp-ca.")
@_place
@click.pass_obj
def timestamp(
    session: Session, /, checkpoint: Path, response: Path, journal: str | None, data_dir: Path | None, **given: Any
) -> None:
    """Sign a checkpoint and have it stamped (RFC 3161); it goes to CHECKPOINT, the authority's answer to RESPONSE.

    Both are kept in the journal too. `openssl ts -verify -in RESPONSE -data CHECKPOINT -CAfile FILE` verifies as well.
    """
    from versiqiid.cli import journals  # noqa: PLC0415

    asked = {"timestamp": given["authority"], "timestamp_ca": given["ca"]}
    note, stamped, time = journals.stamp(journal, data_dir, asked)
    checkpoint.write_bytes(note)
    response.write_bytes(stamped)
    session.tell(f"stamped at {time}")
    print(response)


@audit.command()
@click.option("--sign", is_flag=True, help="Sign one now over everything committed, offline.")
@_place
@click.pass_obj
def checkpoint(session: Session, journal: str | None, data_dir: Path | None, *, sign: bool) -> None:
    """Print the newest signed checkpoint. Keep copies elsewhere: they hold off what this machine cannot."""
    if sign or journal or data_dir:
        from versiqiid.cli import journals  # noqa: PLC0415

        note = journals.newest_checkpoint(journal, data_dir, sign=sign)
    else:
        note = session.get("/v1/checkpoint").raw
    if note is None:
        raise InvalidInput("no checkpoint has been signed yet")
    print(note.decode("utf-8"), end="")


audit.add_command(search)

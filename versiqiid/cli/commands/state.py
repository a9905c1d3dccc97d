"""``versiqii state``: all keys as they were."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli.session import Session


@click.command()
@click.argument("prefix", required=False, default="")
@click.option("--at", "point", help="RFC 3339 time, or correlation id: the state just after its last entry.")
@click.option("--position", type=click.IntRange(0), help="The state after so many entries of the journal.")
@click.option("--values", is_flag=True, help="With the values; needs -o json or yaml to be seen.")
@click.pass_obj
def state(session: Session, prefix: str, point: str | None, position: int | None, *, values: bool) -> None:
    """Every key under PREFIX as it was at a time, reconstructed from the journal.

    Desired keys and effective configs, each with the revision and digest it had and the entry that made it so.
    """
    if (point is None) == (position is None):
        raise click.UsageError("give either --at POINT or --position N")
    query: dict[str, Any] = {"at": point} if point is not None else {"position": position}
    query |= {"prefix": prefix, "values": str(values).lower(), "page_size": 1000}
    rows: list[dict[str, Any]] = []
    while True:
        page = session.get("/v1/state", **query).json()
        rows += page["items"]
        if "nextPageToken" not in page:
            break
        query = {name: value for name, value in query.items() if name != "at"}
        query |= {"position": page["size"], "page_token": page["nextPageToken"]}
    session.tell(f"{len(rows)} keys after {page['size']} entries")
    session.show(rows, "key", "revision", "updated", wide=("position", "created", "digest"))

"""``versiqii doctor``: say what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from versiqiid.cli.commands.shared import told_json
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session
from versiqiid.errors import VersiqiiError

CLOCK_SKEW_MAX_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """:ivar level: ok | warning | error."""

    check: str
    level: str
    message: str
    hint: str = ""


@click.command()
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are warnings but no errors.")
@click.pass_obj
def doctor(session: Session, *, detailed_exitcode: bool) -> int:
    """Check the daemon, its store, its leader, its keys, its bindings and the clock."""
    found = list(_findings(session))
    rows = [{"check": f.check, "level": f.level, "message": f.message, "hint": f.hint} for f in found]
    session.show(rows, "level", "check", "message", "hint", name="check")
    levels = {finding.level for finding in found}
    if "error" in levels:
        return Exit.FAILED
    return Exit.DIFFERENT if "warning" in levels and detailed_exitcode else Exit.OK


def _findings(session: Session) -> Iterator[Finding]:
    try:
        session.get("/healthz")
    except VersiqiiError as error:
        yield Finding("daemon", "error", error.message, error.hint)
        return
    yield Finding("daemon", "ok", f"alive at {session.addr}")
    for check in (_readiness, _leader, _clock, _keys, _bindings):
        try:
            yield from check(session)
        except VersiqiiError as error:
            yield Finding(check.__name__.strip("_"), "error", error.message, error.hint)


def _readiness(session: Session) -> Iterator[Finding]:
    told = session.ask("GET", "/readyz").json()
    if told["ready"]:
        yield Finding("ready", "ok", f"the store answered {told['storeAgeSeconds']} s ago")
    for reason in told["reasons"]:
        yield Finding("ready", "error", reason, "See the daemon's log; it goes on trying.")
    for note in told["notes"]:
        yield Finding("ready", "warning", note)


def _leader(session: Session) -> Iterator[Finding]:
    told = session.get("/v1/leader").json()
    if told["leader"]:
        yield Finding("leader", "ok", f"{told['leader']} leads, epoch {told['epoch']}")
    else:
        yield Finding("leader", "error", "nobody leads", "Start a versiqiid with the controller role.")


def _clock(session: Session) -> Iterator[Finding]:
    page = session.get("/v1/events", limit=1).json()
    if not page["size"]:
        return
    last = session.get("/v1/events", start=page["size"] - 1, limit=1).json()["items"][-1]
    ahead = (datetime.fromisoformat(last["time"]) - datetime.now(UTC)).total_seconds()
    if ahead > CLOCK_SKEW_MAX_S:
        message = f"the newest journal entry is {ahead:.0f} s in the future"
        yield Finding("clock", "warning", message, "Set the clocks of this machine and the daemon's.")
    else:
        yield Finding("clock", "ok", "not behind the journal")


def _keys(session: Session) -> Iterator[Finding]:
    unknown = session.get("/v1/unknown-keys").json()["items"]
    for key in unknown[:20]:
        yield Finding("keys", "warning", f"{key} is outside the key layout and changes nothing", "Rename or remove it.")
    if not unknown:
        yield Finding("keys", "ok", "every key is in the key layout")


def _bindings(session: Session) -> Iterator[Finding]:
    stuck = 0
    for item in session.items("status/"):
        told = told_json(item)
        if told.get("state") in ("Rejected", "Held"):
            stuck += 1
            yield Finding(item["key"], "warning", f"{told['state']}: {told.get('reason', '')}")
    if not stuck:
        yield Finding("bindings", "ok", "none is held or rejected")

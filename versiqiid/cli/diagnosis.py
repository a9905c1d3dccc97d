"""What ``versiqii doctor`` looks at from where it runs: the way to the daemon, and what the daemon says of itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from versiqiid.cli.commands.shared import told_json
from versiqiid.cli.session import Session
from versiqiid.core.findings import CLOCK_SKEW_MAX_S, Finding, Level, clock
from versiqiid.errors import Forbidden, VersiqiiError

_SYNCHRONISE = "Set the clocks of this machine and the daemon's."
KEYS_MAX = 20

Look: TypeAlias = Callable[[Session], Iterator[Finding]]


def findings(session: Session) -> Iterator[Finding]:
    """Everything, the way to the daemon first. When there is none, only that.

    :raises Forbidden: the daemon does not take our token, so nothing can be looked at.
    """
    yield from _address(session)
    asked = time.time()
    try:
        answer = session.get("/healthz")
    except VersiqiiError as error:
        yield Finding("daemon", Level.ERROR, error.message, error.hint or "Start versiqiid, or name it with --addr.")
        return
    yield Finding("daemon", Level.OK, f"alive at {session.addr}")
    skew = clock("daemon", answer.date, asked, time.time())
    if skew is not None:
        yield skew
    beneath = _told(_dependencies, session)  # asked first: nothing but our own token can be forbidden there
    if isinstance(beneath, Forbidden):
        raise beneath
    for check in (_readiness, _leader, _entries, _keys, _bindings):
        yield from _findings(check, _told(check, session))
    yield from _findings(_dependencies, beneath)


def _told(check: Look, session: Session) -> list[Finding] | VersiqiiError:
    try:
        return list(check(session))
    except VersiqiiError as error:
        return error


def _findings(check: Look, told: list[Finding] | VersiqiiError) -> list[Finding]:
    """What was found; that nothing could be looked at is a finding too."""
    if isinstance(told, list):
        return told
    return [Finding(check.__name__.strip("_"), Level.ERROR, told.message, told.hint or "See the daemon's log.")]


def _address(session: Session) -> Iterator[Finding]:
    """Whether the token can be read on its way."""
    url = urlsplit(session.url("/"))
    local = (url.hostname or "") in ("127.0.0.1", "localhost", "::1")
    if url.scheme == "http" and not local:
        hint = "Put a TLS proxy in front of it, and write https:// into --addr."
        yield Finding("daemon tls", Level.WARNING, f"{session.addr} is not encrypted: the token can be read", hint)


def _readiness(session: Session) -> Iterator[Finding]:
    told = session.ask("GET", "/readyz").json()
    if told["ready"]:
        yield Finding("ready", Level.OK, f"the store answered {told['storeAgeSeconds']} s ago")
    for reason in told["reasons"]:
        yield Finding("ready", Level.ERROR, reason, "See the daemon's log; it goes on trying.")
    for note in told["notes"]:
        yield Finding("ready", Level.WARNING, note, "See the daemon's log; it goes on trying.")


def _leader(session: Session) -> Iterator[Finding]:
    told = session.get("/v1/leader").json()
    if told["leader"]:
        yield Finding("leader", Level.OK, f"{told['leader']} leads, epoch {told['epoch']}")
    else:
        yield Finding("leader", Level.ERROR, "nobody leads", "Start a versiqiid with the controller role.")


def _entries(session: Session) -> Iterator[Finding]:
    """Entries of the future come from a machine whose clock was ahead."""
    size = session.get("/v1/events", limit=1).json()["size"]
    if not size:
        return
    last: dict[str, Any] = session.get("/v1/events", start=size - 1, limit=1).json()["items"][-1]
    ahead = (datetime.fromisoformat(last["time"]) - datetime.now(UTC)).total_seconds()
    if ahead > CLOCK_SKEW_MAX_S:
        message = f"the newest journal entry is {ahead:.0f} s in the future"
        yield Finding("clock", Level.WARNING, message, _SYNCHRONISE)
    else:
        yield Finding("clock", Level.OK, "not behind the journal")


def _keys(session: Session) -> Iterator[Finding]:
    unknown = session.get("/v1/unknown-keys").json()["items"]
    for key in unknown[:KEYS_MAX]:
        message = f"{key} is outside the key layout and changes nothing"
        yield Finding("keys", Level.WARNING, message, "Rename or remove it.")
    if not unknown:
        yield Finding("keys", Level.OK, "every key is in the key layout")


def _bindings(session: Session) -> Iterator[Finding]:
    stuck = 0
    for item in session.items("status/"):
        told = told_json(item)
        if told.get("state") in ("Rejected", "Held"):
            stuck += 1
            hint = f"See versiqii status {item['key'].removeprefix('status/')}."
            yield Finding(item["key"], Level.WARNING, f"{told['state']}: {told.get('reason', '')}", hint)
    if not stuck:
        yield Finding("bindings", Level.OK, "none is held or rejected")


def _dependencies(session: Session) -> Iterator[Finding]:
    """What the daemon found when it looked at Consul, Vault, Kafka and its journal."""
    for item in session.get("/v1/diagnosis").json()["items"]:
        yield Finding(item["check"], Level(item["level"]), item["message"], item["hint"])

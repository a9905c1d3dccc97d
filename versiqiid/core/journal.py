"""The entry: one fact as canonical JSON, made once and never serialised again. Pure functions of their arguments.

Here is the shape of an entry, its limit, and how it is read back; where entries are kept is the business of the
journals in ``adapters``, how they are proved that of ``core/merkle.py``. Nothing here knows what a fact means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from versiqiid.core.canonical import canonical, digest, load
from versiqiid.core.upcast import version_of
from versiqiid.errors import InvalidInput, JournalRefused, TooLarge

ENTRY_BYTES_MAX = 65_535
"""What the two length bytes of an entry bundle can say (C2SP ``tlog-tiles``)."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Za-z0-9]{0,127}", re.ASCII)
_OBSERVED = "observed"
_KEPT = (_OBSERVED, "truncated")


@dataclass(frozen=True, slots=True)
class KeyState:
    """What an entry says about one key. It lies in ``data.observed``: projections can be made again from the bytes.

    :ivar digest: None = the key is deleted.
    :ivar returned: the store was put back to this, from a newer revision that is recorded too.
    """

    key: str
    revision: int
    digest: str | None
    returned: bool = False

    def as_json(self) -> dict[str, Any]:
        """As it stands in the entry: ``digest`` is absent when the key is deleted."""
        found: dict[str, Any] = {"key": self.key, "revision": self.revision}
        found |= {} if self.digest is None else {"digest": self.digest}
        return {**found, "returned": True} if self.returned else found

    def columns(self, position: int) -> tuple[str, int, str | None]:
        """How it lies beside the entry at a position, for queries. What returned may have been recorded before, under
        the same number: its number is one that no store gives out.
        """
        return (self.key, -1 - position if self.returned else self.revision, self.digest)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an entry before it has a place: everything but position, time and stream revision.

    :ivar actor: ``{kind, id, via}``.
    :ivar consul: ``{index, key}`` or None when unknown; ``git`` likewise ``{repository, commit, path}``.
    """

    type: str
    stream: str
    tenant: str
    actor: Mapping[str, str]
    correlation_id: str
    causation_id: str
    data: Mapping[str, Any]
    consul: Mapping[str, Any] | None = None
    git: Mapping[str, Any] | None = None
    observed: KeyState | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """An entry that only waits for its place. ``facts`` are checked and ``pieces`` hold their canonical bytes."""

    facts: Facts
    pieces: tuple[bytes, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Rendered:
    """An entry's bytes, and the bytes it would have had without the limit when it had to be shortened."""

    entry: bytes
    whole: bytes | None = None


# ---------------------------------------------------------------------------------------------------------- writing


def template(facts: Facts) -> Template:
    """Check the facts and write what does not depend on the place.

    :raises InvalidInput: a part that is empty, out of its grammar, or beyond canonical JSON; it names the part.
    """
    if not _TYPE.fullmatch(facts.type):
        raise InvalidInput(f"entry type {facts.type!r}: expected a past fact such as ConfigRevised")
    for name in ("stream", "tenant", "correlation_id", "causation_id"):
        text = getattr(facts, name)
        if not text or "\0" in text:
            raise InvalidInput(f"{facts.type}: {name} is empty or holds U+0000")
    if _OBSERVED in facts.data or "truncated" in facts.data:
        raise InvalidInput(f"{facts.type}: the members observed and truncated of data are the journal's own")
    data = dict(facts.data)
    if facts.observed is not None:
        if "\0" in facts.observed.key:
            raise InvalidInput(f"{facts.type}: the observed key holds U+0000")
        data[_OBSERVED] = facts.observed.as_json()
    optional = {"consul": facts.consul, "git": facts.git}
    before = {
        "actor": facts.actor,
        "causationId": facts.causation_id,
        "correlationId": facts.correlation_id,
        "data": data,
    }
    before |= {name: value for name, value in optional.items() if value is not None}
    after = {"tenant": facts.tenant}
    pieces = (_members(before, facts), _members({"stream": facts.stream}, facts), _members(after, facts))
    return Template(facts, pieces)


def _members(value: Mapping[str, Any], facts: Facts) -> bytes:
    """The inside of an object: members of RFC 8785 objects whose names follow each other can be joined by commas."""
    try:
        return canonical(dict(value))[1:-1]
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(
            f"{facts.type} of {facts.stream!r}: not canonical JSON (RFC 8785)",
            hint="numbers beyond 2^53, not-a-number, lone surrogates and names that are not strings cannot be recorded",
        ) from error


def render(made: Template, position: int, time: str, stream_revision: int) -> Rendered:
    """The entry at its place, as RFC 8785 bytes of at most 65,535.

    A longer one loses the largest members of ``data`` (by canonical size, then by name) until it fits, and says so:
    ``truncated: true``, also in ``data``, and ``wholeDigest``, the digest of the bytes that it would have had.

    :raises TooLarge: too long even with ``data`` empty.
    """
    first, stream, tenant = made.pieces
    place = b'"streamRevision":%d,' % stream_revision
    version = version_of(made.facts.type)
    typed = b'"%s"' % made.facts.type.encode() + (b',"typeVersion":%d' % version if version > 1 else b"")
    tail = b'"time":"%s","type":%s}' % (time.encode(), typed)
    entry = b'{%s,"position":%d,%s,%s%s,%s' % (first, position, stream, place, tenant, tail)
    if len(entry) <= ENTRY_BYTES_MAX:
        return Rendered(entry)
    return Rendered(_shortened(entry), entry)


def _shortened(whole: bytes) -> bytes:
    value = load(whole)
    data = {**value["data"], "truncated": True}
    value |= {"data": data, "truncated": True, "wholeDigest": digest(whole)}
    sizes = {name: len(canonical({name: member})) for name, member in data.items() if name not in _KEPT}
    size = len(canonical(value))
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        if size <= ENTRY_BYTES_MAX:
            break
        del data[name]
        size = len(canonical(value))
    if size > ENTRY_BYTES_MAX:
        raise TooLarge(
            f"{value['type']} of {value['stream'][:80]!r}: too long even without data",
            size=size,
            limit=ENTRY_BYTES_MAX,
        )
    return canonical(value)


# ---------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Read:
    """What an entry's bytes say of its place and of the projections. Payloads are not looked at."""

    position: int
    time: str
    type: str
    tenant: str
    stream: str
    stream_revision: int
    correlation_id: str
    observed: KeyState | None


Columns = tuple[str, str, str, int, str, str, str | None, int | None, str | None]
"""Time, type, stream, stream revision, correlation id, tenant, and the three of ``KeyState.columns`` or None: what lies
beside an entry for queries."""


def read(entry: bytes, position: int) -> Read:
    """An entry as its bytes tell it.

    :param position: where it was found.
    :raises JournalRefused: ``entry``: no entry of ours; ``order``: it says that it belongs somewhere else.
    """
    value = _value(entry, position)
    try:
        seen = value["data"].get(_OBSERVED)
        return Read(
            position, value["time"], value["type"], value["tenant"], value["stream"], value["streamRevision"],
            value["correlationId"],
            KeyState(seen["key"], seen["revision"], seen.get("digest"), seen.get("returned") is True) if seen else None,
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_entry(position) from error


def columns(entry: bytes, position: int) -> Columns:
    """What ``read`` tells, as far as columns repeat it; errors likewise. A million entries are verified in one go."""
    value = _value(entry, position)
    try:
        time, stream, revision, seen = (
            value["time"],
            value["stream"],
            value["streamRevision"],
            value["data"].get(_OBSERVED),
        )
        key = key_revision = key_digest = None
        if seen:  # as KeyState.columns has it, without making one
            key, key_revision, key_digest = seen["key"], seen["revision"], seen.get("digest")
            if "returned" in seen and seen["returned"] is True:
                key_revision = -1 - position
        who = (value["correlationId"], value["tenant"])
        told = (time, value["type"], stream, revision, *who, key, key_revision, key_digest)
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_entry(position) from error
    if not (type(time) is type(stream) is str and type(revision) is int):
        raise _no_entry(position)
    return told


def _value(entry: bytes, position: int) -> dict[str, Any]:
    """The object that the bytes are, if it says that it belongs here."""
    try:
        value = from_json(entry, allow_inf_nan=False)  # twice as fast as json
    except ValueError as error:
        raise _no_entry(position) from error
    if type(value) is not dict or entry[:1] != b"{" or entry[-1:] != b"}" or "position" not in value:
        raise _no_entry(position)
    if value["position"] != position:
        raise JournalRefused("order", f"position {position}", "the entry says that it has another position")
    return value


def _no_entry(position: int) -> JournalRefused:
    return JournalRefused("entry", f"position {position}", "not an entry of a journal")


# ------------------------------------------------------------------------------------------------------------ times


def normal_time(text: str) -> str:
    """An RFC 3339 time as entries have it: UTC, six decimals, ``Z``; so text order is time order.

    :raises InvalidInput: no RFC 3339 time with an offset.
    """
    if _TIME.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"time {text!r}: expected RFC 3339, such as 2025-10-20T18:00:00Z") from error
    if moment.tzinfo is None:
        raise InvalidInput(f"time {text!r}: expected an offset or Z at its end")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

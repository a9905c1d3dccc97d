"""One correlation id through the five layers: code, configuration, state, events, decision. No HTTP here.

Everything is read where it is true: entries and checkpoints from the journal, statuses as they are now from the store.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from versiqiid.core.cloudevent import event_type, leaf_hash
from versiqiid.core.delivery import Delivery
from versiqiid.core.events import topics_of
from versiqiid.core.note import peek_checkpoint
from versiqiid.core.status import state_of
from versiqiid.core.upcast import current
from versiqiid.errors import InvalidInput, NotFound, VersiqiiError
from versiqiid.logs import logger
from versiqiid.ports import Entry, Journal, KeyValueStore, Query, Recorded

log = logger("trace")

LIMIT_MAX = 10_000
EXEMPLAR = {"metric": "versiqii_convergence_seconds", "label": "correlation_id"}
"""Which metric carries the correlation id as its exemplar, in the OpenMetrics form of ``/metrics``."""

_GETS_MAX = 32
"""From so many bindings on, one scan is cheaper than asking for each. Arbitrary."""

_BINDING = "binding/"
_STATUS = ("state", "targetVersion", "schemaVersion", "effectiveDigest", "since", "reason", "correlationId", "journal")


class Deliveries(Protocol):
    """What is known of where events came to lie."""

    async def of(self, sink: str, positions: Sequence[int]) -> tuple[Delivery, ...]: ...


@dataclass(frozen=True, slots=True)
class Trace:
    """:ivar root: of the keys. :ivar topic_prefix: of the Kafka topics, None = events stay in the journal."""

    journal: Journal
    store: KeyValueStore
    root: str
    topic_prefix: str | None
    deliveries: Deliveries

    async def of(self, correlation_id: str, *, start: int = 0, limit: int = 1000) -> dict[str, Any]:
        """What one id did, layer by layer, as JSON; rows of all layers are in the order of the journal.

        :param start: first position that is looked at. :param limit: entries at most, 1 to 10,000; ``nextStart`` says
            that there are more.
        :raises NotFound: no entry from there on has that id. :raises InvalidInput: a limit that cannot be.
        """
        if not 1 <= limit <= LIMIT_MAX:
            raise InvalidInput(f"limit {limit}: expected 1 to {LIMIT_MAX}")
        found = await self.journal.read(Query(start=start, limit=limit, correlation_id=correlation_id))
        if not found:
            raise NotFound(
                f"no entry has the correlation id {correlation_id[:128]!r}",
                hint="Every write answers with its id; `versiqii audit list -o wide` shows the newest ones.",
            )
        facts = [(entry, _parsed(entry)) for entry in found]
        told = {
            "correlationId": correlation_id,
            "code": _code(facts),
            "configuration": [row for entry, fact in facts if (row := _configuration(entry, fact)) is not None],
            "state": await self._state(found),
            "events": await self._events(found),
            "decision": await self._decision(facts),
        }
        return told | ({"nextStart": found[-1].position + 1} if len(found) == limit else {})

    async def _state(self, found: Sequence[Recorded]) -> dict[str, Any]:
        """The bindings that were decided under this id, as they are now; ``current`` until another id decides."""
        bindings = {entry.stream.removeprefix(_BINDING): entry for entry in found if entry.stream.startswith(_BINDING)}
        statuses = await self._statuses(sorted(bindings))
        rows = []
        for name, last in sorted(bindings.items()):
            now = statuses.get(name)
            told = {} if now is None else state_of(now.value)
            rows.append(
                {
                    "binding": name,
                    "position": last.position,
                    "current": told.get("correlationId") == last.correlation_id,
                }
                | {member: told.get(member) for member in _STATUS}
            )
        return {"exemplar": EXEMPLAR, "bindings": rows}

    async def _statuses(self, names: Sequence[str]) -> dict[str, Entry]:
        prefix = f"{self.root}/status/"
        if len(names) > _GETS_MAX:
            entries: Iterable[Entry | None] = (await self.store.scan(prefix)).entries
        else:
            entries = [await self.store.get(prefix + name) for name in names]
        return {entry.key.removeprefix(prefix): entry for entry in entries if entry is not None}

    async def _events(self, found: Sequence[Recorded]) -> dict[str, Any]:
        """What goes to Kafka for each entry; ``acknowledged`` is None where events stay in the journal.

        ``deliveries`` has topic, partition and offset of what was acknowledged, as far as it was kept.
        """
        prefix = self.topic_prefix
        acknowledged = 0 if prefix is None else await self.journal.outbox_position(f"kafka:{prefix}")
        delivered = await self._delivered([entry.position for entry in found])
        rows = [
            {
                "position": entry.position,
                "ceId": leaf_hash(entry.entry),
                "ceType": event_type(entry.type),
                "key": entry.stream,
                "topics": [f"{prefix or 'versiqii'}.{topic.value}" for topic in topics_of(entry.type)],
                "acknowledged": None if prefix is None else entry.position < acknowledged,
                "deliveries": delivered.get(entry.position, []),
            }
            for entry in found
        ]
        return {"kafka": prefix is not None, "entries": rows}

    async def _delivered(self, positions: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Where the events lie, by position. What lies beside the journal may be gone: then nothing is told."""
        if self.topic_prefix is None:
            return {}
        try:
            known = await self.deliveries.of(f"{self.journal.origin} kafka:{self.topic_prefix}", positions)
        except VersiqiiError as error:
            log.warning("deliveries_unknown", code=error.code, reason=error.message)
            return {}
        told: dict[int, list[dict[str, Any]]] = {}
        for each in known:
            place = {"topic": each.topic, "partition": each.partition, "offset": each.offset}
            told.setdefault(each.position, []).append(place)
        return told

    async def _decision(self, facts: Sequence[tuple[Recorded, Mapping[str, Any]]]) -> dict[str, Any]:
        """Where the facts stand in the log; ``covered`` = under the newest checkpoint, so provable to anybody."""
        note = await self.journal.checkpoint()
        signed = None if note is None else peek_checkpoint(note, "checkpoint")
        rows = [
            {
                "position": entry.position,
                "time": entry.time,
                "type": entry.type,
                "stream": entry.stream,
                "streamRevision": entry.stream_revision,
                "actor": fact.get("actor"),
                "causationId": fact.get("causationId"),
                "covered": signed is not None and entry.position < signed.size,
            }
            for entry, fact in facts
        ]
        told = None if signed is None else {"size": signed.size, "root": base64.b64encode(signed.root).decode()}
        return {"origin": self.journal.origin, "checkpoint": told, "entries": rows}


def _parsed(entry: Recorded) -> Mapping[str, Any]:
    told = json.loads(entry.entry)
    return current(told) if isinstance(told, dict) else {}


def _code(facts: Sequence[tuple[Recorded, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each place in Git that entries name, once, with their positions."""
    places: dict[tuple[Any, ...], list[int]] = {}
    for entry, fact in facts:
        git = fact.get("git")
        if isinstance(git, dict):
            places.setdefault((git.get("repository"), git.get("commit"), git.get("path")), []).append(entry.position)
    return [
        {"repository": repository, "commit": commit, "path": path, "positions": positions}
        for (repository, commit, path), positions in places.items()
    ]


def _configuration(entry: Recorded, fact: Mapping[str, Any]) -> dict[str, Any] | None:
    """The key that an entry is about, None for entries about none."""
    data = fact.get("data")
    data = data if isinstance(data, dict) else {}
    consul = fact.get("consul")
    seen = data.get("observed")
    about = seen if isinstance(seen, dict) else consul if isinstance(consul, dict) else None
    if about is None or "key" not in about:
        return None
    return {
        "position": entry.position,
        "key": about["key"],
        "revision": about.get("revision", about.get("index")),
        "digest": about.get("digest") or data.get("digest"),
        "previousRevision": data.get("previousRevision"),
        "previousDigest": data.get("previousDigest"),
        "index": consul.get("index") if isinstance(consul, dict) else None,
    }

"""Sessions and locks of Consul (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions).

Consul delays a lock after *every* end of the session that held it, also after an asked one; our promise is that only an
unasked end delays. So locks taken here are given back before their session is destroyed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from versiqiid.adapters.consul.endpoints import entries_of, understood
from versiqiid.adapters.consul.faults import TransactionRefusedError
from versiqiid.adapters.consul.transaction import Wire
from versiqiid.core.keys import check_key
from versiqiid.errors import Refused, Unavailable
from versiqiid.operations import check_value
from versiqiid.ports import Holding, Session, SessionId

if TYPE_CHECKING:
    from versiqiid.adapters.consul.endpoints import Endpoints
    from versiqiid.adapters.consul.transport import Reply
    from versiqiid.ports import Entry, StoreLimits

_RELEASES_MAX = 8
"""How often a release is tried again because somebody writes the key at the same moment. Arbitrary."""

_DURATION = re.compile(r"([0-9.]+)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class ConsulLocks:
    """``Locks`` on Consul."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._held: dict[SessionId, set[str]] = {}
        self._ephemeral: set[SessionId] = set()

    async def open_session(self, name: str, *, ttl_s: float, lock_delay_s: float, delete: bool) -> Session:
        body = {
            "Name": name,
            "TTL": f"{ttl_s:g}s",
            "LockDelay": f"{lock_delay_s:g}s",
            "Behavior": "delete" if delete else "release",
        }
        created = await self._endpoints.create_session(json.dumps(body).encode())
        with understood("PUT /v1/session/create", writes=True):
            session = SessionId(str(created.value))
        self._held[session] = set()
        if delete:
            self._ephemeral.add(session)
        try:
            reply = await self._endpoints.session.info(session, consistency="consistent")
            with understood("GET /v1/session/info"):
                _, granted = reply.value
                return Session(session, max(ttl_s, _seconds(granted["TTL"])))
        except (Unavailable, Refused):
            return Session(session, ttl_s)  # Consul never grants less than it was asked for

    async def renew(self, session: SessionId) -> None:
        await self._endpoints.session.renew(session)

    async def end_session(self, session: SessionId) -> None:
        for key in sorted(self._held.get(session, ())):
            await self._give_back(key, session, delete=session in self._ephemeral)
        await self._endpoints.session.destroy(session)
        self._held.pop(session, None)
        self._ephemeral.discard(session)

    async def acquire(self, key: str, value: bytes, session: SessionId, limits: StoreLimits) -> bool:
        check_key(key)
        check_value(key, value, limits)
        reply = await self._endpoints.kv.put(key, value, acquire=session)
        taken = reply.value is True  # anything else that is truthy is no yes (C1)
        if taken:
            self._held.setdefault(session, set()).add(key)
        return taken

    async def release(self, key: str, session: SessionId) -> bool:
        check_key(key)
        return await self._give_back(key, session, delete=False)

    async def holder(self, key: str) -> Holding | None:
        check_key(key)
        return _holding(await self._endpoints.kv.get(key, consistency="consistent"))

    async def _give_back(self, key: str, session: SessionId, *, delete: bool) -> bool:
        """Let go of the lock and keep the value (or delete the key) in one transaction.

        Consul's ``?release=`` writes the value that is sent with it, so it cannot keep one that it does not know.
        """
        for _ in range(_RELEASES_MAX):
            reply = await self._endpoints.kv.get(key, consistency="consistent")
            held = _holding(reply)
            if held is None or held.session != session:
                break
            (entry,) = entries_of(reply)
            if await self._try_to_give_back(entry, session, delete=delete):
                self._held.get(session, set()).discard(key)
                return True
        self._held.get(session, set()).discard(key)
        return False

    async def _try_to_give_back(self, entry: Entry, session: SessionId, *, delete: bool) -> bool:
        key = entry.key
        if delete:
            wires = [Wire("check-session", key, 0, session=session), Wire("delete", key, 0)]
        else:
            unlock = Wire("unlock", key, 0, value=entry.value, session=session)
            wires = [Wire("check-index", key, 0, entry.revision), unlock]
        try:
            await self._endpoints.txn.put([wire.payload() for wire in wires])
        except TransactionRefusedError:
            return False
        return True


def _holding(reply: Reply) -> Holding | None:
    """What the answer about one key says of its lock."""
    with understood("GET /v1/kv/"):
        _, item = reply.value
        if not item or not item.get("Session"):
            return None
        return Holding(SessionId(str(item["Session"])), item["Value"] or b"")


def _seconds(duration: str) -> float:
    """Go's notation of a duration, such as ``1m30s``, in seconds."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))

"""Consul as ``KeyValueStore`` and ``Locks``: the face of this package. How each part is done is next door.

``transaction.py`` says what a commit becomes, ``watch.py`` follows a prefix, ``locks.py`` holds sessions,
``transport.py`` talks.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import anyio

from versiqiid.adapters.consul.allowance import QUERIES_MAX, Allowance
from versiqiid.adapters.consul.endpoints import Endpoints, entries_of, listed_of, understood
from versiqiid.adapters.consul.faults import TransactionRefusedError
from versiqiid.adapters.consul.locks import ConsulLocks
from versiqiid.adapters.consul.settings import ConsulSettings
from versiqiid.adapters.consul.transaction import encode, refused
from versiqiid.adapters.consul.transport import AnyioHTTP
from versiqiid.adapters.consul.watch import PrefixWatch, WatchOptions
from versiqiid.core.keys import check_key
from versiqiid.errors import Conflict, Forbidden, Refused, Unavailable
from versiqiid.operations import check_operations, check_prefix, conflict, wire_bytes
from versiqiid.ports import Held, Holding, Listing, Revision, Session, SessionId, Set, StoreLimits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from versiqiid.adapters.consul.settings import Address
    from versiqiid.adapters.consul.transaction import Wire
    from versiqiid.adapters.consul.transport import Reply, Timeouts, TokenProvider
    from versiqiid.ports import Coverage, Entry, Metrics, Observe, Operation

_LIMITS = StoreLimits(value_bytes_max=512 * 1024, operations_max=64, transaction_bytes_max=512 * 1024)
"""``kv_max_value_size`` and ``txn_max_req_len`` by default, and the operations that every version takes."""

_OPERATIONS_SINCE_1_14 = 128
_VERSION = re.compile(r"(\d+)\.(\d+)")


class ConsulStore:
    """Keys, commits, watches and locks of a Consul cluster. ``ConsulStore.connect(settings)`` makes one."""

    def __init__(self, endpoints: Endpoints, watch: WatchOptions, allowance: Allowance) -> None:
        self._endpoints = endpoints
        self._watch = watch
        self._allowance = allowance
        self._locks = ConsulLocks(endpoints)
        self._limits: dict[Address, StoreLimits] = {}
        self._newest = 0

    @classmethod
    def connect(
        cls,
        settings: ConsulSettings | None = None,
        *,
        token: TokenProvider | None = None,
        watch: WatchOptions | None = None,
        timeouts: Timeouts | None = None,
        metrics: Metrics | None = None,
        queries_max: int = QUERIES_MAX,
    ) -> Self:
        """A store at these addresses. Nothing is sent yet: a Consul that is away is the first call's matter.

        :param token: asked at each request; None = the one of the settings.
        :param queries_max: how many blocking queries all watches together may have open.
        """
        http = AnyioHTTP(settings or ConsulSettings(), token, timeouts)
        return cls(Endpoints(http), watch or WatchOptions(), Allowance(queries_max, metrics))

    async def aclose(self) -> None:
        """Close all connections. Sessions go on until their time is over."""
        await self._endpoints.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # ---------------------------------------------------------------------------------------------------- keys

    @property
    def limits(self) -> StoreLimits:
        """Of the server that is asked first; until its version is known (at the first commit), of the oldest."""
        return self._limits.get(self._endpoints.http.address, _LIMITS)

    async def get(self, key: str) -> Entry | None:
        check_key(key)
        return next(iter(entries_of(await self._endpoints.kv.get(key, consistency="consistent"))), None)

    async def scan(self, prefix: str) -> Listing:
        check_prefix(prefix)
        reply = await self._endpoints.entries().get(prefix, recurse=True, consistency="consistent")
        if reply.meta.filtered:
            raise Forbidden(
                f"consul: the token may not read everything under {prefix!r}",
                hint="Give the token's policy key_prefix read on it.",
            )
        self._saw(reply.meta.index)
        return Listing(listed_of(reply), reply.meta.index)

    async def commit(self, operations: Sequence[Operation]) -> Revision:
        await self._learn_limits()
        check_operations(operations, self.limits)
        match operations:
            case [Set() as single] if wire_bytes(single) > self.limits.transaction_bytes_max:
                return await self._put(single)  # in base64 it does not fit into a transaction
            case _:
                wires = encode(operations, self.limits)
        before = self._newest
        try:
            reply = await self._endpoints.txn.put([wire.payload() for wire in wires])
        except TransactionRefusedError as refusal:
            with understood("PUT /v1/txn"):
                error, wire = refused(wires, refusal.body)
            raise (await self._found(wire) if isinstance(error, Conflict) else error) from None
        with understood("PUT /v1/txn", writes=True):
            written = [int(result["KV"]["ModifyIndex"]) for result in reply.value["Results"] or () if result.get("KV")]
        revision = await self._revision(written, before, near=operations[0].key if operations else "")
        if any(isinstance(operation, Held) for operation in operations):
            self._allowance.wrote_fenced(revision)
        return revision

    async def watch(self, prefix: str, observe: Observe) -> None:
        check_prefix(prefix)
        await PrefixWatch(self._endpoints, prefix, observe, self._watch, self._allowance).run()

    def coverage(self) -> Coverage:
        """How the queries of all running watches stand."""
        return self._allowance.coverage(anyio.current_time())

    async def _put(self, operation: Set) -> Revision:
        """One large value, as it is. The server does not tell its revision, so it is read afterwards."""
        before = self._newest
        reply = await self._endpoints.kv.put(operation.key, operation.value, cas=operation.expect)
        if reply.value is not True:  # anything else that is truthy is no yes (C1)
            present = await self._present(operation.key)
            raise conflict(operation.key, operation.expect or 0, present)
        try:
            entry = await self.get(operation.key)
        except (Unavailable, Refused):
            entry = None
        if entry is None:
            return await self._revision([], before, near=operation.key)
        # Over a later write of somebody else, ours had an older revision: one that nobody can take for the present one.
        return Revision(entry.revision if entry.value == operation.value else entry.revision - 1)

    async def _found(self, wire: Wire) -> Conflict:
        return conflict(wire.key, wire.expected or 0, await self._present(wire.key))

    async def _present(self, key: str) -> int | None:
        """The revision of a key, 0 = absent, None = cannot tell just now."""
        try:
            entry = await self.get(key)
        except (Unavailable, Refused):
            return None
        return entry.revision if entry else 0

    async def _revision(self, written: Sequence[int], before: int, *, near: str) -> Revision:
        """The newest revision given out for a commit. Identical writes answer with old revisions, deletions with none:
        then the store's present index is asked for, and when that fails the newest one known will do.

        :param before: the newest index known when the commit was sent.
        :param near: a key that the token may read.
        """
        newest = max(written, default=0)
        if newest > before:
            self._saw(newest)
            return Revision(newest)
        try:
            # An absent key is answered with the index of the whole key-value store (docs/consul-rules.md rule 8).
            reply = await self._endpoints.kv.get(f"{near}/_nothing".lstrip("/"), consistency="consistent")
        except (Unavailable, Refused):
            return Revision(max(newest, before))
        self._newest = reply.meta.index  # also when it fell: the store was put back to an older state
        return Revision(max(newest, self._newest))

    def _saw(self, index: int) -> None:
        self._newest = max(self._newest, index)

    async def _learn_limits(self) -> None:
        """Ask the agent for its version, once for each address. Who may not ask gets the limits of the oldest."""
        address = self._endpoints.http.address
        if address in self._limits:
            return
        try:
            reply: Reply = await self._endpoints.agent.self()
        except Refused:
            self._limits[address] = _LIMITS
        except Unavailable:
            return
        else:
            with understood("GET /v1/agent/self"):
                found = _VERSION.match(reply.value["Config"]["Version"])
            recent = found is not None and tuple(map(int, found.groups())) >= (1, 14)
            self._limits[address] = replace(_LIMITS, operations_max=_OPERATIONS_SINCE_1_14) if recent else _LIMITS

    # --------------------------------------------------------------------------------------------------- locks

    async def open_session(
        self, name: str, *, ttl_s: float, lock_delay_s: float = 1.0, delete: bool = False
    ) -> Session:
        return await self._locks.open_session(name, ttl_s=ttl_s, lock_delay_s=lock_delay_s, delete=delete)

    async def renew(self, session: SessionId) -> None:
        await self._locks.renew(session)

    async def end_session(self, session: SessionId) -> None:
        await self._locks.end_session(session)

    async def acquire(self, key: str, value: bytes, session: SessionId) -> bool:
        return await self._locks.acquire(key, value, session, self.limits)

    async def release(self, key: str, session: SessionId) -> bool:
        return await self._locks.release(key, session)

    async def holder(self, key: str) -> Holding | None:
        return await self._locks.holder(key)

"""The endpoint classes of python-consul2 that are used, on our transport. Paths and parameters are the library's."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from consul import base

from versiqiid.errors import Unavailable
from versiqiid.ports import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.adapters.consul.transport import AnyioHTTP, Reply


@contextlib.contextmanager
def understood(what: str, *, writes: bool = False) -> Iterator[None]:
    """A body that takes an answer apart.

    :param writes: whether the answer was to a write.
    :raises Unavailable: the answer has not the shape of Consul's.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        fault = Unavailable(f"consul {what}: the answer is not Consul's", hint="Check the address.")
        fault.maybe_written = writes
        raise fault from error


def entries_of(reply: Reply) -> tuple[Entry, ...]:
    """What a query of the key-value store brought, in byte order of keys.

    Consul keeps no times, and shows empty values as null.
    """
    with understood("GET /v1/kv/"):
        _, found = reply.value
        items = [found] if isinstance(found, dict) else found or []
        return tuple(sorted(map(_entry, items), key=lambda entry: entry.key))


def _entry(item: dict[str, Any]) -> Entry:
    value, revision = item["Value"], item["ModifyIndex"]
    if not (isinstance(value, bytes | None) and isinstance(revision, int)):
        raise TypeError("an item has a value and a ModifyIndex")
    return Entry(str(item["Key"]), value or b"", revision)


class Endpoints:
    """What the library calls the agent, made of the parts we use.

    The library's own class is not constructed: its constructor lets the environment override what it is given, fails on
    addresses that Consul's own client takes, and warns each time (``docs/consul-rules.md`` C3 to C5, C25).
    """

    def __init__(self, http: AnyioHTTP) -> None:
        self.http = http
        self.token = None  # added by the transport, at each request anew
        self.dc = None  # likewise
        self.consistency = "default"
        self.agent = base.Consul.Agent(self)
        self.kv = base.Consul.KV(self)
        self.session = base.Consul.Session(self)
        self.txn = base.Consul.Txn(self)

    async def create_session(self, body: bytes) -> Reply:
        """As ``session.create``, but what Consul takes is Consul's decision: the library asserts limits of its own,
        while ``session_ttl_min`` is a setting of the server (C20).
        """
        reply: Reply = await self.http.put(base.CB.json(is_id=True), "/v1/session/create", data=body)
        return reply

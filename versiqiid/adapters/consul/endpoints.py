"""The endpoint classes of python-consul2 that are used, on our transport. Paths and parameters are the library's."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from consul import base

from versiqiid.errors import Unavailable
from versiqiid.ports import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from versiqiid.adapters.consul.transport import AnyioHTTP, Callback, Reply, Response

_GAP = re.compile(r"[\s,]+")


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
    """What the library's own query of one key brought. Consul shows empty values as null, and keeps no times."""
    with understood("GET /v1/kv/"):
        _, item = reply.value
        return (Entry(str(item["Key"]), item["Value"] or b"", int(item["ModifyIndex"])),) if item else ()


def listed_of(reply: Reply) -> tuple[Entry, ...]:
    """What a query of ``Endpoints.entries`` brought, in byte order of keys."""
    found: tuple[Entry, ...] = reply.value
    return found


def names_of(reply: Reply) -> tuple[str, ...]:
    """What a query for names brought."""
    with understood("GET /v1/kv/"):
        _, found = reply.value
        return tuple(map(str, found or ()))


def _entries(response: Response) -> tuple[Entry, ...]:
    """Take a listing apart, one item after the other.

    A parser that takes it in one go holds Python's lock all the while: 0.5 s for 50,000 keys, thread or no thread.
    Item by item, others come to run in between.
    """
    if response.code == HTTPStatus.NOT_FOUND:
        return ()
    text, found = response.content.decode(), []
    decode = json.JSONDecoder().raw_decode
    at = _next(text, text.index("[") + 1)
    while not text.startswith("]", at):
        item, at = decode(text, at)
        found.append(_entry(item))
        at = _next(text, at)
    return tuple(sorted(found, key=lambda entry: entry.key))


def _next(text: str, at: int) -> int:
    """Where the next item or the end begins. A server in development mode puts white space in between."""
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _entry(item: dict[str, Any]) -> Entry:
    """Consul shows empty values as null."""
    value, revision = item["Value"], item["ModifyIndex"]
    if not isinstance(revision, int):
        raise TypeError("an item has a ModifyIndex")
    return Entry(str(item["Key"]), base64.b64decode(value, validate=True) if value else b"", revision)


class _Reader:
    """Stands where the library expects its HTTP client, for reads.

    :param reads: what becomes of a body, instead of what the library makes of it.
    :param arriving: called when the answer begins to come.
    """

    def __init__(self, http: AnyioHTTP, arriving: Callable[[], None] | None, reads: Callback | None = None) -> None:
        self._http = http
        self._arriving = arriving
        self._reads = reads

    async def get(self, callback: Callback, path: str, params: Any = None, headers: Any = None) -> Reply:
        return await self._http.get(self._reads or callback, path, params, headers, arriving=self._arriving)


class _Agent:
    """What the library's endpoint classes ask their agent for."""

    def __init__(self, http: Any) -> None:
        self.http = http
        self.token = None  # added by the transport, at each request anew
        self.dc = None  # likewise
        self.consistency = "default"


class Endpoints(_Agent):
    """What the library calls the agent, made of the parts we use.

    The library's own class is not constructed: its constructor lets the environment override what it is given, fails on
    addresses that Consul's own client takes, and warns each time (``docs/consul-rules.md`` C3 to C5, C25).
    """

    http: AnyioHTTP

    def __init__(self, http: AnyioHTTP) -> None:
        super().__init__(http)
        self.agent = base.Consul.Agent(self)
        self.kv = base.Consul.KV(self)
        self.session = base.Consul.Session(self)
        self.txn = base.Consul.Txn(self)

    def entries(self, arriving: Callable[[], None] | None = None) -> Any:
        """The library's key-value store, for reads that answer what ``listed_of`` takes.

        :param arriving: called when the answer begins to come, which is long before a large one is there.
        """
        return base.Consul.KV(_Agent(_Reader(self.http, arriving, _entries)))

    def names(self, arriving: Callable[[], None] | None = None) -> Any:
        """Likewise, for reads that answer what ``names_of`` takes."""
        return base.Consul.KV(_Agent(_Reader(self.http, arriving)))

    async def create_session(self, body: bytes) -> Reply:
        """As ``session.create``, but what Consul takes is Consul's decision: the library asserts limits of its own,
        while ``session_ttl_min`` is a setting of the server (C20).
        """
        reply: Reply = await self.http.put(base.CB.json(is_id=True), "/v1/session/create", data=body)
        return reply

"""HTTP for python-consul2: its transport class replaced by one over httpx2, for any event loop.

Here are addresses taken in turn, tokens added, deadlines set, headers kept and failures typed. Connections are the
business of ``lines.py``, and which path means what is the library's. What this mends in the library is listed in
``docs/consul-rules.md`` §2.
"""

from __future__ import annotations

import base64
import binascii
import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter, current_time, to_thread
from consul import base

from versiqiid.adapters.consul.faults import Question, fault_of, knows_no_token, no_answer
from versiqiid.adapters.consul.lines import BrokenOffError, Lines, Sent
from versiqiid.adapters.consul.patience import Patience
from versiqiid.errors import Forbidden, InvalidSetting, Unavailable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from versiqiid.adapters.consul.settings import Address, ConsulSettings

    TokenProvider: TypeAlias = Callable[[], str | None]
    Callback: TypeAlias = Callable[["Response"], Any]
    Params: TypeAlias = Sequence[tuple[str, Any]] | None

_WAITING_MAX = 150
_BRIEF_MAX = 32
"""Connections that wait for news, and all others: together below Consul's limit of 200 per client address
(``limits.http_max_conns_per_client``). Counted apart, so that queries that wait leave room for what must be asked now.
"""

_LARGE_BYTES = 64 * 1024
"""Answers above this are taken apart in a thread, so that the event loop goes on. Below, the way there costs more."""

_PARSERS_MAX = 2


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds.

    :ivar answer_s: for an answer that does not block, and on top of ``wait·17/16`` for one that does. Above 7 s,
        because an agent holds requests that long while its cluster elects a leader (``rpc_hold_timeout``).
    """

    connect_s: float = 3.0
    answer_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Response:
    """What the library's callbacks read. The body stays bytes: they parse JSON from it, and snapshots are no text."""

    code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> bytes:
        return self.content


@dataclass(frozen=True, slots=True)
class Meta:
    """What the headers of an answer say.

    :ivar index: X-Consul-Index as a number, 0 when there is none.
    :ivar last_contact_ms: how long ago the answering server heard of its leader, None when not told.
    :ivar known_leader: None when not told; false is no failure (hashicorp/consul#11912).
    :ivar filtered: what the token may not read was left out.
    :ivar consistency: the mode that was in force, empty when not told.
    :ivar blind: no token was sent, but the server denies what no policy allows: it would not say that it filtered.
    """

    index: int
    last_contact_ms: int | None
    known_leader: bool | None
    filtered: bool
    consistency: str
    blind: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer: what the library made of the body, and the headers that it throws away."""

    value: Any
    meta: Meta


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    data: bytes | None
    deadline_s: float
    waits: bool = False
    lists: bool = False
    arriving: Callable[[], None] | None = None

    @property
    def question(self) -> Question:
        return Question(f"{self.method} {self.path}", writes=self.method != "GET")


class AnyioHTTP(base.HTTPClient):  # type: ignore[misc]  # the library has no types
    """Makes every endpoint of the library awaitable; each call answers with a ``Reply`` or raises one of our errors.

    :param token: asked at each request, so that tokens can rotate under running queries.
    """

    def __init__(
        self, settings: ConsulSettings, token: TokenProvider | None = None, timeouts: Timeouts | None = None
    ) -> None:
        super().__init__()
        self.base_uri = ""  # addresses differ from request to request
        self._settings = settings
        self._token: TokenProvider = token or (lambda: settings.token)
        self._timeouts = timeouts or Timeouts()
        self._lines: dict[tuple[Address, bool], Lines] = {}
        self._preferred = 0
        self._patience = Patience(self._timeouts.answer_s)
        self._parsers = CapacityLimiter(_PARSERS_MAX)

    @property
    def address(self) -> Address:
        """The one that is asked first."""
        return self._settings.addresses[self._preferred]

    @functools.cached_property
    def _verified(self) -> ssl.SSLContext:
        """Made once: reading the system's authorities takes longer than a request."""
        return self._settings.tls.context()

    async def aclose(self) -> None:
        """Close all connections."""
        lines, self._lines = self._lines, {}
        for each in lines.values():
            await each.aclose()

    # The four verbs of the library's hook. Their signatures are the library's.

    async def get(
        self,
        callback: Callback,
        path: str,
        params: Params = None,
        headers: Any = None,
        *,
        arriving: Callable[[], None] | None = None,
    ) -> Reply:
        """:param arriving: ours: called when the answer begins to come."""
        request = self._request("GET", path, params, headers)
        return await self._send(replace(request, arriving=arriving), callback)

    async def put(
        self, callback: Callback, path: str, params: Params = None, data: Any = "", headers: Any = None
    ) -> Reply:
        return await self._send(self._request("PUT", path, params, headers, data), callback)

    async def delete(
        self, callback: Callback, path: str, params: Params = None, data: Any = "", headers: Any = None
    ) -> Reply:
        return await self._send(self._request("DELETE", path, params, headers, data), callback)

    async def post(
        self, callback: Callback, path: str, params: Params = None, data: Any = "", headers: Any = None
    ) -> Reply:
        return await self._send(self._request("POST", path, params, headers, data), callback)

    async def _send(self, request: _Request, callback: Callback) -> Reply:
        """Ask one address after the other, as long as asking another can do no harm."""
        addresses = self._settings.addresses
        first = self._preferred
        for turn in range(len(addresses)):
            here = (first + turn) % len(addresses)
            try:
                reply = await self._ask(addresses[here], request, callback)
            except Unavailable as error:
                self._preferred = (here + 1) % len(addresses)
                harmless = not (request.question.writes and error.maybe_written)
                if not harmless or turn + 1 == len(addresses):
                    raise
            except Forbidden as error:
                if not knows_no_token(error) or turn + 1 == len(addresses):
                    raise
            else:
                self._preferred = here
                return reply
        raise InvalidSetting("consul: no address is set")

    def _request(self, method: str, path: str, params: Params, headers: Any, data: Any = None) -> _Request:
        given = list(params or ())
        extra = [
            ("ns", self._settings.namespace),
            ("partition", self._settings.partition),
            ("dc", self._settings.datacenter),
            # A transaction of checks alone is a read in Consul, and would be a stale one at times.
            ("consistent", "1" if path == "/v1/txn" else ""),
        ]
        given += [(name, value) for name, value in extra if value]
        wait = next((float(str(value).removesuffix("s")) for name, value in given if name == "wait"), 0.0)
        return _Request(
            method=method,
            path=path,
            query=self.uri(path, given),
            # Agents are near: compressing costs more than it saves (10,000 keys of 2 kB: 345 ms plain, 450 ms gzip).
            headers={**(headers or {}), "Accept-Encoding": "identity"},
            data=data.encode() if isinstance(data, str) else data,
            deadline_s=wait * 17 / 16 + self._timeouts.answer_s,
            waits=wait > 0,
            lists=method == "GET" and wait == 0 and any(name == "recurse" for name, _ in given),
        )

    async def _ask(self, address: Address, request: _Request, callback: Callback) -> Reply:
        """One exchange, repeated once when the token it was refused for has been replaced meanwhile."""
        token = self._token() or ""
        try:
            return await self._exchange(address, request, callback, token)
        except Forbidden:
            renewed = self._token() or ""
            if renewed == token:
                raise
            return await self._exchange(address, request, callback, renewed)

    async def _exchange(self, address: Address, request: _Request, callback: Callback, token: str) -> Reply:
        question = request.question
        sent = Sent(
            request.method,
            address.base + request.query,
            request.headers | self._credentials(token),
            request.data,
            connect_s=self._timeouts.connect_s,
            answer_s=self._patience.of(request.path) if request.lists else request.deadline_s,
            server_name=self._settings.tls.server_name,
            arriving=request.arriving,
        )
        began = current_time()
        try:
            came = await self._lines_to(address, waits=request.waits).exchange(sent)
        except BrokenOffError as error:
            if request.lists and error.late:
                self._patience.ran_out(request.path)
            raise no_answer(question, address.socket or address.base, str(error), sent=error.sent) from error
        if request.lists:
            self._patience.took(request.path, current_time() - began)
        fault = fault_of(question, came.status, came.headers, came.content)
        if fault is not None:
            raise fault
        try:
            value = await self._parsed(Response(came.status, came.headers, came.content), callback)
            return Reply(value, _meta(came.headers, blind=not token))
        except (ValueError, LookupError, TypeError, AttributeError, binascii.Error) as error:
            raise no_answer(question, address.base, "the answer is not Consul's", sent=True) from error

    async def _parsed(self, response: Response, callback: Callback) -> Any:
        if len(response.content) < _LARGE_BYTES:
            return callback(response)
        return await to_thread.run_sync(callback, response, abandon_on_cancel=True, limiter=self._parsers)

    def _credentials(self, token: str) -> dict[str, str]:
        """Never in the URL: URLs are logged."""
        if not (token.isascii() and token.isprintable()):
            raise InvalidSetting(
                "consul token: it holds characters that no token has", hint="Look for a line break in it."
            )
        headers = {"X-Consul-Token": token} if token else {}
        if self._settings.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(self._settings.auth.encode()).decode()
        return headers

    def _lines_to(self, address: Address, *, waits: bool) -> Lines:
        if (address, waits) not in self._lines:
            most = _WAITING_MAX if waits else _BRIEF_MAX
            self._lines[address, waits] = Lines(self._verified, most, address.socket)
        return self._lines[address, waits]


def _meta(headers: Mapping[str, str], *, blind: bool) -> Meta:
    contact = headers.get("X-Consul-LastContact")
    leader = headers.get("X-Consul-KnownLeader")
    return Meta(
        index=int(headers.get("X-Consul-Index", 0)),
        last_contact_ms=int(contact) if contact is not None else None,
        known_leader=leader == "true" if leader is not None else None,
        filtered=headers.get("X-Consul-Results-Filtered-By-ACLs") == "true",
        consistency=headers.get("X-Consul-Effective-Consistency", ""),
        blind=blind and headers.get("X-Consul-Default-ACL-Policy") == "deny",
    )

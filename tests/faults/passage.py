"""What stands between a client and one HTTP server: everything goes through it, is counted, and can be cut.

Every request is an ``Exchange``. A cut is of either kind that networks know: refused at once, or swallowed in silence.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

SOURCE = "127.0.0.9"
"""Where its connections come from, so that a server's limits for one client address are its own."""

_GOOD = {200, 404}
"""Consul's answers about keys; 404 is "none there", and as good as the other."""

_LOOK_S = 0.02
_UPSTREAM_S = 700
_CROWDED_S = 30
_SETTLED_S = 3
_NOT_RELAYED = {"transfer-encoding", "connection", "content-length", "keep-alive"}


class Cut(StrEnum):
    """How the network is broken."""

    NO = "no"
    REFUSED = "refused"
    SILENT = "silent"
    HELD = "held"
    """Not the network: behind a server that is well, one has frozen that holds the queries which wait for news."""


@contextlib.contextmanager
def crowd(address: str, connections: int) -> Iterator[None]:
    """All of so many connections that a server takes from where the passages come from, wanting nothing.

    Some may still be counted for queries of before, whose client is gone. The block begins when there is room for no
    more, and whatever becomes free is taken for as long as it lasts.
    """
    full, over = threading.Event(), threading.Event()
    thread = threading.Thread(target=_fill, args=(address, connections, full, over))
    thread.start()
    try:
        assert full.wait(_CROWDED_S), f"{address} takes more than {connections} connections"
        yield
    finally:
        over.set()
        thread.join()


def _fill(address: str, connections: int, full: threading.Event, over: threading.Event) -> None:
    """The server judges connections in the order they come: when one more is answered, all before it were judged."""
    held: list[socket.socket] = []
    settled_at = time.monotonic() + _SETTLED_S
    try:
        while not over.wait(_LOOK_S):
            held += [_connection(address) for _ in range(connections - len(held))]
            refused = False
            with contextlib.suppress(OSError), _connection(address) as one_more:
                one_more.settimeout(_CROWDED_S)
                refused = b" 429 " in one_more.recv(100)
            away, _, _ = select.select(held, [], [], 0)
            for sent in away:
                held.remove(sent)
                sent.close()
            if refused and (not away or time.monotonic() > settled_at):
                full.set()
    finally:
        for one in held:
            one.close()


def _connection(address: str) -> socket.socket:
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), source_address=(SOURCE, 0))


@dataclass
class Exchange:
    """One request and what became of it.

    :ivar wait_s: how long a blocking query may wait, 0 = it does not block.
    :ivar began: on ``time.monotonic``, as ``ended``, which is 0 before the end.
    :ivar status: of the answer, 0 while there is none.
    :ivar given_up: the client went away before there was an answer.
    :ivar broken: the server went away, or the network was cut.
    """

    method: str
    path: str
    wait_s: float
    began: float
    token: str
    ended: float = 0.0
    status: int = 0
    given_up: bool = False
    broken: bool = False

    def may_pass(self, cut: Cut) -> bool:
        """Whether it goes through."""
        return cut is Cut.NO or (cut is Cut.HELD and not self.wait_s)

    @property
    def is_cut_short(self) -> bool:
        """Whether it ended otherwise than by a good answer, news or not, after all of its wait."""
        return self.given_up or self.broken or self.status not in _GOOD or self.ended - self.began < self.wait_s


class Passage:
    """A proxy on a loopback port of its own, until the block ends.

    :param targets: servers; the first one that takes a connection is asked.
    :ivar cut: may be changed at any time; what is under way is cut too.
    :ivar delay_s: how much later every answer comes, in seconds.
    """

    def __init__(self, *targets: str, delay_s: float = 0.0) -> None:
        self.targets = targets
        self.delay_s = delay_s
        self.exchanges: list[Exchange] = []
        self._cut = Cut.NO
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def cut(self) -> Cut:
        return self._cut

    @cut.setter
    def cut(self, how: Cut) -> None:
        self._cut = how
        if how is Cut.REFUSED:
            self._server.drop()

    def blocking(self) -> list[Exchange]:
        """The blocking queries so far."""
        return [one for one in tuple(self.exchanges) if one.wait_s]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._cut = Cut.REFUSED
        self._server.shutdown()
        self._server.drop()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self._clients: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base's signature
        return self.passage.cut is not Cut.REFUSED

    def process_request(self, request: Any, client_address: Any) -> None:
        self._clients.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._clients.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def drop(self) -> None:
        for client in tuple(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.passage.targets[0])

    def finish(self) -> None:
        self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def pass_on(self) -> None:
        passage = self.server.passage
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = self.headers.get("X-Consul-Token", "")
        asked = parse_qs(url.query)
        wait_s = float(asked.get("wait", ["0"])[0].removesuffix("s")) if "index" in asked else 0.0
        exchange = Exchange(self.command, url.path, wait_s, time.monotonic(), token)
        passage.exchanges.append(exchange)
        try:
            self.close_connection = not self._carry(passage, exchange, body)
        finally:
            exchange.ended = time.monotonic()

    do_GET = do_PUT = do_DELETE = do_POST = pass_on  # noqa: N815 - the names http.server calls

    def _carry(self, passage: Passage, exchange: Exchange, body: bytes) -> bool:
        """Whether the connection may be used again."""
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        try:
            if not self._wait(passage, exchange, None):
                return False
            self._connect(passage.targets)
            self._upstream.request(self.command, self.path, body or None, headers)
            if not self._wait(passage, exchange, self._upstream.sock):
                self._upstream.close()
                return False
            answer = self._upstream.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException):
            exchange.broken = True
            self._upstream.close()
            return False
        if passage.delay_s:
            time.sleep(passage.delay_s)
        if not exchange.may_pass(passage.cut):
            exchange.broken = True
            return False
        exchange.status = answer.status
        self._relay(answer, told)
        return True

    def _connect(self, targets: tuple[str, ...]) -> None:
        """Have a connection to the first server that takes one."""
        for number, target in enumerate(targets, start=1):
            if self._upstream.sock is not None:
                return
            self._upstream = http.client.HTTPConnection(target, timeout=_UPSTREAM_S, source_address=(SOURCE, 0))
            try:
                self._upstream.connect()
            except OSError:
                if number == len(targets):
                    raise

    def _relay(self, answer: http.client.HTTPResponse, told: bytes) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_RELAYED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def _wait(self, passage: Passage, exchange: Exchange, answer: socket.socket | None) -> bool:
        """Until there is an answer to read (or the way is free, before one is asked for); False when that cannot be."""
        while True:
            if passage.cut is Cut.REFUSED:
                exchange.broken = True
                return False
            if answer is None and (passage.cut is Cut.HELD or exchange.may_pass(passage.cut)):
                return True
            there, _, _ = select.select([self.connection, *([answer] if answer else [])], [], [], _LOOK_S)
            if self.connection in there and not self.connection.recv(1, socket.MSG_PEEK):
                exchange.given_up = True
                return False
            if answer in there and exchange.may_pass(passage.cut):
                return True

    def log_message(self, *_: Any) -> None:
        """Be quiet."""

"""A small HTTP server that is not Consul: what stands at a wrong address, or in between. It keeps what it was asked."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True)
class Says:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Wayside:
    """:ivar asked: every request, in order; ``connections`` counts what was opened."""

    address: str
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0


@contextmanager
def wayside(answer: Callable[[Asked], Says]) -> Iterator[Wayside]:
    """A server on a free loopback port that answers as it is told, until the block ends."""
    state = Wayside("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            state.connections += 1
            self.number = state.connections

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = parse_qsl(url.query, keep_blank_values=True)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, url.path, query, headers, body, self.number)
            state.asked.append(asked)
            says = answer(asked)
            self.send_response(says.status)
            for name, value in {"Content-Type": "text/plain; charset=utf-8", **says.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(says.body)))
            self.end_headers()
            self.wfile.write(says.body)

        do_GET = do_PUT = do_DELETE = do_POST = handle_any  # noqa: N815 - the names http.server calls

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def always(status: int, body: bytes = b"", **headers: str) -> Callable[[Asked], Says]:
    """The same to whatever is asked."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Says(status, body, named)


def like_consul(asked: Asked) -> Says:
    """An empty Consul, as far as these tests look at it."""
    if asked.path == "/v1/agent/self":
        return Says(200, b'{"Config": {"Version": "1.20.6"}}')
    if asked.path == "/v1/txn":
        return Says(200, b'{"Results": [], "Errors": null}')
    if asked.method == "GET":
        return Says(404, b"", {"X-Consul-Index": "7", "X-Consul-KnownLeader": "true", "X-Consul-LastContact": "3"})
    return Says(200, b"true")

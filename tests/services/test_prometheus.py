"""The Prometheus fixture scrapes what a test names."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.services.prometheus import Prometheus
from tests.services.server import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.prometheus

GOOD = b"# HELP test_things_total Things.\n# TYPE test_things_total counter\ntest_things_total 42\n"
BAD = b"test_things{ 42\n"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages = {"/metrics": GOOD, "/bad": BAD}
        self.send_response(200 if self.path in pages else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(pages.get(self.path, b""))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def exporter() -> Iterator[str]:
    """The address of a page of metrics."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_scrapes_and_answers_queries(prometheus: Callable[..., Prometheus], exporter: str) -> None:
    server = prometheus(exporter)
    server.wait_for_scrape()
    [series] = server.wait_for("test_things_total")
    assert series["value"][1] == "42"
    assert series["metric"]["instance"] == exporter
    assert server.target_error() == ""


def test_what_it_cannot_read_is_named(
    prometheus: Callable[..., Prometheus], exporter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = prometheus(exporter, metrics_path="/bad")
    server.wait_for("up == 0")
    monkeypatch.setattr(Prometheus, "ready_within_s", 0.3)
    with pytest.raises(ServerError, match=r"result for up == 1.*last error of the scrape: .*expected label name"):
        server.wait_for_scrape()


def test_promtool_judges_metrics(prometheus: Callable[..., Prometheus], exporter: str) -> None:
    server = prometheus(exporter)
    assert server.check_metrics(GOOD) == ""
    assert "parsing" in server.check_metrics(BAD)
    assert "no help text" in server.check_metrics(b"test_things_total 1\n")

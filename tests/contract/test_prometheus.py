"""The metrics: what callers may do, what is exposed, and what promtool and a real Prometheus make of it."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from versiqiid.adapters.prometheus import METRICS, Kind, PrometheusMetrics
from versiqiid.errors import Internal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.services.prometheus import Prometheus


def used() -> PrometheusMetrics:
    """Every metric touched once, with the first of its label values."""
    metrics = PrometheusMetrics(version="0.1.0")
    for spec in METRICS.values():
        labels = {label: (values or ("0.1.0",))[0] for label, values in spec.labels.items()}
        match spec.kind:
            case Kind.COUNTER:
                metrics.count(spec.name, 2, **labels, correlation_id="c-1")
            case Kind.GAUGE:
                metrics.gauge(spec.name, 3, **labels)
            case Kind.HISTOGRAM:
                metrics.observe(spec.name, 0.002, **labels, correlation_id="c-2")
    return metrics


def samples(metrics: PrometheusMetrics) -> dict[tuple[str, ...], float]:
    text = metrics.render()[0].decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in parse_plain(text)
        for sample in family.samples
    }


def test_every_metric_of_the_table_is_exposed_with_its_help() -> None:
    """The table and the exposition say the same, in both formats."""
    metrics = used()
    plain, plain_type = metrics.render()
    assert plain_type.startswith("text/plain")
    found = {family.name: family for family in parse_plain(plain.decode())}
    for spec in METRICS.values():
        family = found[spec.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (spec.kind.value, spec.help)
    opened, opened_type = metrics.render(openmetrics=True)
    assert opened_type.startswith("application/openmetrics-text")
    exemplars = {
        sample.exemplar.labels["correlation_id"]
        for family in parse_openmetrics(opened.decode())
        for sample in family.samples
        if sample.exemplar
    }
    assert exemplars == {"c-1", "c-2"}


def test_a_gauge_says_nothing_before_it_is_set_and_a_counter_begins_at_zero() -> None:
    """0 would be a statement about Kafka on a machine that has none; a rate needs a beginning."""
    metrics = PrometheusMetrics(version="0.1.0")
    now = samples(metrics)
    assert not any(name == "versiqii_kafka_up" for name, *_ in now)
    assert now["versiqii_leader",] == 0
    assert now["versiqii_outbox_published_total",] == 0
    assert now["versiqii_commit_total", "conflict"] == 0
    metrics.gauge("versiqii_kafka_up", 0)
    metrics.gauge("versiqii_kafka_up", 1)
    assert samples(metrics)["versiqii_kafka_up",] == 1


@pytest.mark.parametrize(
    "misuse",
    [
        lambda m: m.count("versiqii_nothing_total"),
        lambda m: m.count("versiqii_leader"),
        lambda m: m.gauge("versiqii_commit_total", 1, outcome="written"),
        lambda m: m.observe("versiqii_leader", 1),
        lambda m: m.count("versiqii_commit_total"),
        lambda m: m.count("versiqii_commit_total", result="written"),
        lambda m: m.count("versiqii_conflicts_total", key="a"),
    ],
)
def test_a_name_or_label_that_is_not_declared_is_a_bug(misuse: Callable[[PrometheusMetrics], None]) -> None:
    """Loud in every test, instead of a series that nobody documented."""
    with pytest.raises(Internal, match="versiqii_"):
        misuse(PrometheusMetrics(version="0.1.0"))


def test_no_caller_can_make_the_number_of_series_grow() -> None:
    """Whatever a client sends as method or status, it becomes one series, and a long exemplar is left out."""
    metrics = PrometheusMetrics(version="0.1.0")
    for number in range(500):
        metrics.count("versiqii_http_requests_total", method=f"M{number}", status=str(1000 + number))
    metrics.count("versiqii_outbox_published_total", correlation_id="x" * 5000)
    assert samples(metrics)["versiqii_http_requests_total", "other", "other"] == 500
    assert b"xxx" not in metrics.render(openmetrics=True)[0]


def test_two_daemons_in_one_process_share_nothing() -> None:
    """Each has its own registry."""
    one, two = PrometheusMetrics(version="0.1.0"), PrometheusMetrics(version="0.1.0")
    one.count("versiqii_conflicts_total")
    assert samples(two)["versiqii_conflicts_total",] == 0


def test_names_labels_and_buckets_are_well_formed() -> None:
    """Base units and suffixes as Prometheus asks, label values listed and few, buckets that grow."""
    for spec in METRICS.values():
        assert re.fullmatch(r"versiqii_[a-z]+(_[a-z]+)*", spec.name)
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert bool(spec.buckets) == (spec.kind is Kind.HISTOGRAM)
        assert list(spec.buckets) == sorted(set(spec.buckets))
        assert spec.help.endswith(".")
        series = 1
        for values in spec.labels.values():
            series *= 1 + len(values or ())
        assert series <= 300, spec.name


@pytest.fixture
def endpoint() -> Iterator[tuple[str, PrometheusMetrics]]:
    """The metrics behind a small HTTP server that answers in the format it is asked for."""
    metrics = used()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, kind = metrics.render(openmetrics="openmetrics" in self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}", metrics
        server.shutdown()
        thread.join()


@pytest.mark.prometheus
def test_a_real_prometheus_scrapes_it_and_promtool_finds_nothing_to_say(
    endpoint: tuple[str, PrometheusMetrics], prometheus: Callable[..., Prometheus]
) -> None:
    """Every metric of the table arrives with its value; ``promtool check metrics`` is silent."""
    address, metrics = endpoint
    server = prometheus(address)
    assert server.check_metrics(metrics.render()[0]) == ""
    server.wait_for_scrape()
    for spec in METRICS.values():
        name = f"{spec.name}_count" if spec.kind is Kind.HISTOGRAM else spec.name
        wanted = {Kind.COUNTER: "2", Kind.GAUGE: "3", Kind.HISTOGRAM: "1"}[spec.kind]
        assert wanted in {series["value"][1] for series in server.wait_for(name)}, spec.name

"""Prometheus metrics, through prometheus-client: one table of all of them, and the only module that imports it.

Each process object has a registry of its own, so nothing leaks between two daemons in one interpreter. What may be in a
label is listed here; a value that is not listed becomes ``other``, so no caller can make the number of series grow.
Names follow https://prometheus.io/docs/practices/naming/ (base units, ``_total`` for counters).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from versiqiid.errors import Internal, VersiqiiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OTHER: Final = "other"
EXEMPLAR: Final = "correlation_id"
"""A label name that is no label: its value becomes the exemplar of a counter or histogram (OpenMetrics 1.0)."""

_EXEMPLAR_CHARACTERS_MAX: Final = 128 - len(EXEMPLAR)  # the specification's limit for names and values together


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric.

    :ivar labels: label name → the values it may have; ``None`` = any one value that is constant in a process.
    :ivar buckets: upper bounds in the metric's unit, histograms only.
    :ivar start: what a gauge shows before it is first set; None = it is not shown until then.
    """

    name: str
    kind: Kind
    help: str
    labels: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    start: float | None = None


def _codes(root: type[VersiqiiError] = VersiqiiError) -> tuple[str, ...]:
    """The codes of the whole error tree."""
    found = {root.code}
    for child in root.__subclasses__():
        found.update(_codes(child))
    return tuple(sorted(found))


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_STATUSES = tuple(
    str(code)
    for code in (
        200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415,
        422, 428, 429, 500, 501, 502, 503, 504,
    )
)  # fmt: skip
_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_OUTCOMES = {"outcome": ("ok", "rejected", "failed")}
_COMMITS = {"outcome": ("written", "conflict", "refused", "fence_lost", "unavailable", "lost")}
_STATES = {"state": ("InSync", "Migrated", "Rejected", "Held")}
_DIMENSIONS = {"dimension": ("target", "schema", "dependency", "environment")}
_USES = {"use": ("store", "vault")}
_SHARDS = {"shard": tuple(str(number) for number in range(140))}  # the most that consul-queries-max can be
_RELOADS = {"outcome": ("ok", "failed", "restored", "timeout")}

_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_ROWS: Final[tuple[MetricSpec, ...]] = (
    MetricSpec("versiqii_build_info", _G, "1, with the version that runs as a label.", {"version": None}),
    # leadership and the store
    MetricSpec("versiqii_leader", _G, "1 while this process leads, else 0.", start=0),
    MetricSpec("versiqii_store_up", _G, "1 when the store answered last, else 0."),
    MetricSpec("versiqii_watch_age_seconds", _G, "Time since the watch last had a good answer."),
    MetricSpec("versiqii_watch_index", _G, "The store's index at the last observed change."),
    MetricSpec("versiqii_watch_trouble_total", _C, "Failed attempts of the watch, by error code.", {"code": _codes()}),
    MetricSpec(
        "versiqii_guard_trips_total",
        _C,
        "Answers that were not believed as they came: keys missing, or left out for lack of rights.",
    ),
    MetricSpec("versiqii_watch_queries", _G, "Blocking queries that are open, over all watches of the store.", start=0),
    MetricSpec(
        "versiqii_watch_queries_failing", _G, "Of these, queries without an answer that could be believed.", start=0
    ),
    MetricSpec("versiqii_watch_shards", _G, "Shards that the watched prefixes are cut into.", start=0),
    MetricSpec(
        "versiqii_watch_shard_age_seconds",
        _G,
        "Time since the last answer of each query, numbered as in /readyz; of a cut tree, each answers every 15 s.",
        _SHARDS,
    ),
    MetricSpec(
        "versiqii_watch_index_lag",
        _G,
        "How far the watch is behind the newest index that the store was heard to have.",
        start=0,
    ),
    # what is known
    MetricSpec("versiqii_snapshot_keys", _G, "Keys in the snapshot."),
    MetricSpec("versiqii_snapshot_complete", _G, "1 once the whole tree was read, else 0.", start=0),
    MetricSpec("versiqii_unknown_keys", _G, "Keys outside the key grammar; versiqii doctor lists them."),
    MetricSpec("versiqii_bindings", _G, "Bindings by state.", _STATES),
    MetricSpec("versiqii_drift", _G, "Open drifts by dimension.", _DIMENSIONS),
    # the path of a change
    MetricSpec("versiqii_queue_depth", _G, "Bindings that wait to be decided."),
    MetricSpec("versiqii_reconcile_seconds", _H, "Time to decide one binding.", buckets=_FAST),
    MetricSpec("versiqii_convergence_seconds", _H, "Time from a change to the effective config.", buckets=_SLOW),
    MetricSpec("versiqii_validations_total", _C, "Documents judged, by outcome.", _OUTCOMES),
    MetricSpec("versiqii_migrations_total", _C, "Migration steps run, by outcome.", _OUTCOMES),
    MetricSpec("versiqii_migration_seconds", _H, "Time of one migration step.", buckets=_FAST),
    MetricSpec("versiqii_commit_total", _C, "Transactions, by outcome.", _COMMITS),
    MetricSpec("versiqii_conflicts_total", _C, "Decisions that an input outran; they are made again."),
    # journal and events
    MetricSpec("versiqii_journal_entries", _G, "Entries in the journal."),
    MetricSpec("versiqii_journal_append_seconds", _H, "Time of one durable append.", buckets=_FAST),
    MetricSpec("versiqii_checkpoint_size", _G, "Entries under the newest signed checkpoint."),
    MetricSpec("versiqii_checkpoint_age_seconds", _G, "Time since the newest checkpoint was signed."),
    MetricSpec("versiqii_archive_entries", _G, "Entries in the archive."),
    MetricSpec("versiqii_archive_age_seconds", _G, "Time since the archive was last brought up to date."),
    MetricSpec("versiqii_documents_retired_total", _C, "Documents that retention has let go of; the archive has them."),
    MetricSpec(
        "versiqii_retention_timestamp_seconds", _G, "When retention last ran to its end, in seconds since the epoch."
    ),
    MetricSpec("versiqii_witnessed_entries", _G, "Entries that every witness has cosigned a checkpoint of."),
    MetricSpec("versiqii_outbox_backlog", _G, "Entries that the sink has not acknowledged."),
    MetricSpec("versiqii_outbox_age_seconds", _G, "Age of the oldest entry that the sink has not acknowledged."),
    MetricSpec("versiqii_outbox_published_total", _C, "Entries that the sink acknowledged."),
    MetricSpec("versiqii_kafka_up", _G, "1 when Kafka acknowledged last, else 0."),
    # faces, credentials, hosts
    MetricSpec("versiqii_http_requests_total", _C, "HTTP requests.", {"method": _METHODS, "status": _STATUSES}),
    MetricSpec(
        "versiqii_token_lifetime_seconds", _G, "Time until a token ends unless it is renewed, by what it is for.", _USES
    ),
    MetricSpec("versiqii_vault_up", _G, "1 when the last step of the store's credential in Vault succeeded, else 0."),
    MetricSpec("versiqii_vault_trouble_total", _C, "Failed steps with Vault, by error code.", {"code": _codes()}),
    MetricSpec("versiqii_host_reload_total", _C, "Reloads on this host, by outcome.", _RELOADS),
)

METRICS: Final[Mapping[str, MetricSpec]] = MappingProxyType({spec.name: spec for spec in _ROWS})


class PrometheusMetrics:
    """``ports.Metrics`` with a registry of its own. Every method may be called from any thread.

    Counters and histograms are shown from the start, with every listed label value as long as those are few; a gauge
    is shown once it is set, because 0 would be a statement.
    """

    def __init__(self, *, version: str) -> None:
        import prometheus_client as client  # noqa: PLC0415 - only a daemon that serves metrics pays for it

        self._registry: Any = client.CollectorRegistry()
        self._metrics: dict[str, Any] = {}
        self._hidden: dict[str, Any] = {}
        makers = {Kind.COUNTER: client.Counter, Kind.GAUGE: client.Gauge, Kind.HISTOGRAM: client.Histogram}
        for spec in METRICS.values():
            more = {"buckets": spec.buckets} if spec.kind is Kind.HISTOGRAM else {}
            made: Any = makers[spec.kind](spec.name, spec.help, tuple(spec.labels), registry=None, **more)
            self._metrics[spec.name] = made
            if spec.kind is Kind.GAUGE and spec.start is None:
                self._hidden[spec.name] = made
            else:
                _begin(made, spec)
                self._registry.register(made)
        client.ProcessCollector(registry=self._registry)
        self.gauge("versiqii_build_info", 1, version=version)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter.

        :raises Internal: no such counter, or other labels than its own.
        """
        child, exemplar = self._child(Kind.COUNTER, name, labels)
        child.inc(amount, exemplar)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge.

        :raises Internal: no such gauge, or other labels than its own.
        """
        child, _ = self._child(Kind.GAUGE, name, labels)
        child.set(value)
        if (hidden := self._hidden.pop(name, None)) is not None:
            self._registry.register(hidden)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Put a value into a histogram, in the metric's unit.

        :raises Internal: no such histogram, or other labels than its own.
        """
        child, exemplar = self._child(Kind.HISTOGRAM, name, labels)
        child.observe(value, exemplar)

    def render(self, *, openmetrics: bool = False) -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics 1.0 with exemplars, or the plain text format."""
        if openmetrics:
            from prometheus_client.openmetrics import exposition as opened  # noqa: PLC0415

            generate: Callable[[Any], bytes] = opened.generate_latest  # it ships without types
            return generate(self._registry), opened.CONTENT_TYPE_LATEST
        from prometheus_client import exposition as plain  # noqa: PLC0415

        return plain.generate_latest(self._registry), plain.CONTENT_TYPE_PLAIN_0_0_4

    def _child(self, kind: Kind, name: str, labels: dict[str, str]) -> tuple[Any, dict[str, str] | None]:
        spec = METRICS.get(name)
        if spec is None or spec.kind is not kind:
            raise Internal(f"no {kind} {name!r} is declared")
        said = {label: value for label, value in labels.items() if label != EXEMPLAR}
        if said.keys() != spec.labels.keys():
            raise Internal(f"metric {name} has the labels {sorted(spec.labels)}, not {sorted(said)}")
        made = self._metrics[name]
        if said:
            made = made.labels(**{label: _listed(spec, label, value) for label, value in said.items()})
        exemplar = labels.get(EXEMPLAR, "")
        return made, {EXEMPLAR: exemplar} if 0 < len(exemplar) <= _EXEMPLAR_CHARACTERS_MAX else None


def _listed(spec: MetricSpec, label: str, value: str) -> str:
    allowed = spec.labels[label]
    return value if allowed is None or value in allowed else OTHER


def _begin(made: Any, spec: MetricSpec) -> None:
    """Show what can be shown before anything happened, so that a rate has a beginning."""
    if spec.kind is Kind.GAUGE and not spec.labels:
        made.set(spec.start)
    if len(spec.labels) == 1:
        ((label, values),) = spec.labels.items()
        for value in values or ():
            made.labels(**{label: value})

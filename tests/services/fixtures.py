"""The pytest side: one fixture per service, what is skipped or fails without it, and the closing words.

Function fixtures give a fresh server. Those named `shared_…` are one server for the whole run, for tests that only need
*a* server: they must not stop it, and use names (topics, databases, paths, buckets) of their own.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NoReturn, Protocol, Self, TypeVar

import pytest

from tests.services.catalogue import required
from tests.services.consul import Consul, ConsulOnDisk, ConsulWithAcl
from tests.services.consul.cluster import ConsulCluster, ConsulClusterWithAcl
from tests.services.finder import Found, MisnamedError, MissingServiceError, find
from tests.services.kafka import Kafka
from tests.services.postgres import Postgres
from tests.services.prometheus import Prometheus
from tests.services.vault import Vault, VaultOnDisk
from tests.services.versitygw import Versitygw
from tests.services.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from tests.services.kafka.pair import KafkaPair
    from tests.services.recipes import Recipe

_LOG_LINES = 25


class Running(Protocol):
    """What a fixture hands out: started on entry, ended and removed on exit."""

    @property
    def found(self) -> Found: ...
    def log_tail(self) -> str: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


S = TypeVar("S", bound=Running)
T = TypeVar("T")

_live: list[tuple[str | None, Running]] = []
_took_part: Counter[str] = Counter()
_missing: dict[str, None] = {}


def launch(request: pytest.FixtureRequest, make: Callable[[], S]) -> Iterator[S]:
    """The body of a fixture: a server for as long as the fixture's scope lasts.

    A missing service skips the test, or fails it where services are required.

    :param request: of the fixture.
    :param make: creates the server, not started yet.
    """
    with _or_skipped(make) as server:
        _took_part[f"{server.found.name} {server.found.version}"] += 1
        entry = (request.fixturename, server)
        _live.append(entry)
        try:
            yield server
        finally:
            _live.remove(entry)


def _or_skipped(make: Callable[[], T]) -> T:
    """What `make` gives; without its program the test is skipped, or fails where services are required."""
    try:
        return make()
    except MisnamedError as mistake:
        pytest.fail(str(mistake), pytrace=False)
    except MissingServiceError as missing:
        _missing[str(missing)] = None
        lacking(str(missing))


def lacking(why: str) -> NoReturn:
    """Skip the test, or fail it where services are required: nothing that CI should have is missed silently."""
    if required():
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def program() -> Callable[[Recipe], Path]:
    """Where a program is that runs once and ends: `program(TESSERA_FSCK)`."""
    return lambda recipe: _or_skipped(lambda: find(recipe)).path


@pytest.fixture
def consul(request: pytest.FixtureRequest) -> Iterator[Consul]:
    """A fresh Consul in memory."""
    yield from launch(request, Consul)


@pytest.fixture
def consul_on_disk(request: pytest.FixtureRequest) -> Iterator[ConsulOnDisk]:
    """A fresh Consul that keeps its state over restart and kill."""
    yield from launch(request, ConsulOnDisk)


@pytest.fixture
def consul_cluster(request: pytest.FixtureRequest) -> Iterator[ConsulCluster]:
    """Three fresh Consul servers."""
    yield from launch(request, ConsulCluster)


@pytest.fixture
def consul_cluster_acl(request: pytest.FixtureRequest) -> Iterator[ConsulClusterWithAcl]:
    """Three fresh Consul servers with ACLs, default deny; `.token` may do everything."""
    yield from launch(request, ConsulClusterWithAcl)


@pytest.fixture
def consul_acl(request: pytest.FixtureRequest) -> Iterator[ConsulWithAcl]:
    """A fresh Consul with ACLs, default deny; `.token` may do everything."""
    yield from launch(request, ConsulWithAcl)


@pytest.fixture
def vault(request: pytest.FixtureRequest) -> Iterator[Vault]:
    """A fresh Vault in memory, unsealed."""
    yield from launch(request, Vault)


@pytest.fixture
def vault_on_disk(request: pytest.FixtureRequest) -> Iterator[VaultOnDisk]:
    """A fresh Vault with raft storage, initialised and unsealed."""
    yield from launch(request, VaultOnDisk)


@pytest.fixture
def kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """A fresh Kafka broker; takes some seconds. `shared_kafka` does where the test does not hurt it."""
    yield from launch(request, Kafka)


@pytest.fixture
def kafka_pair(request: pytest.FixtureRequest) -> Iterator[KafkaPair]:
    """Two fresh brokers with every topic on both."""
    from tests.services.kafka.pair import KafkaPair  # noqa: PLC0415 - heavy, and only needed with brokers

    yield from launch(request, KafkaPair)


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A fresh PostgreSQL server with an empty database."""
    yield from launch(request, Postgres)


@pytest.fixture
def prometheus(request: pytest.FixtureRequest) -> Iterator[Callable[..., Prometheus]]:
    """Starts a Prometheus: `prometheus("127.0.0.1:8080", metrics_path="/metrics")`."""
    started: list[Iterator[Prometheus]] = []

    def start(scrape: str, *, metrics_path: str = "/metrics") -> Prometheus:
        started.append(launch(request, lambda: Prometheus(scrape, metrics_path=metrics_path)))
        return next(started[-1])

    yield start
    for one in started:
        next(one, None)


@pytest.fixture
def versitygw(request: pytest.FixtureRequest) -> Iterator[Versitygw]:
    """A fresh S3 server without buckets."""
    yield from launch(request, Versitygw)


@pytest.fixture
def witness(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Witness]]:
    """Starts a fresh witness that knows one log: `witness(vkey)`."""
    started: list[Iterator[Witness]] = []

    def make(vkey: str) -> Witness:
        one = Witness()
        one.trust(vkey)
        return one

    def start(vkey: str) -> Witness:
        started.append(launch(request, lambda: make(vkey)))
        return next(started[-1])

    yield start
    for one in started:
        next(one, None)


@pytest.fixture(scope="session")
def shared_versitygw(request: pytest.FixtureRequest) -> Iterator[Versitygw]:
    """One S3 server for the whole run; each test makes buckets of its own."""
    yield from launch(request, Versitygw)


@pytest.fixture(scope="session")
def shared_vault(request: pytest.FixtureRequest) -> Iterator[Vault]:
    """One Vault in memory for the whole run."""
    yield from launch(request, Vault)


@pytest.fixture(scope="session")
def shared_kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """One Kafka broker for the whole run."""
    yield from launch(request, Kafka)


@pytest.fixture(scope="session")
def shared_postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """One PostgreSQL server for the whole run; `create_database()` gives each test its own."""
    yield from launch(request, Postgres)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test's report ends with what its servers said last."""
    report = yield
    if report.failed and report.when == "call":
        used = getattr(item, "fixturenames", ())
        for fixture, server in _live:
            if fixture in used and (lines := server.log_tail().splitlines()[-_LOG_LINES:]):
                report.sections.append((f"log of {fixture}", "\n".join(lines)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which real services took part, and which could not."""
    if not _took_part and not _missing:
        return
    terminalreporter.section("real services")
    for name, starts in sorted(_took_part.items()):
        terminalreporter.line(f"{name}: took part, {starts} started")
    for line in _missing:
        terminalreporter.line(line)

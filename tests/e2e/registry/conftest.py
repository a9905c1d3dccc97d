"""One daemon, and a client of its registry, for all tests here: each keeps to subjects of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.processes import Daemon
from tests.e2e.registry.client import Registry


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("registry")) as daemon:
        yield daemon


@pytest.fixture(scope="package")
def registry(shared: Daemon) -> Iterator[Registry]:
    made = Registry(f"{shared.url}/registry")
    with made.http:
        yield made

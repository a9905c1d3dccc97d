"""The daemon as a fixture: started as a process, always ended with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.e2e.processes import Daemon


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Start daemons, each in a folder of its own unless one is named; all are ended with the test."""
    with ExitStack() as stack:
        made: list[Daemon] = []

        def make(*flags: str, folder: Path | None = None, **environment: str) -> Daemon:
            daemon = Daemon(folder or tmp_path / f"daemon-{len(made)}", flags, environment)
            made.append(daemon)
            stack.callback(daemon.close)
            return daemon.start()

        yield make


@pytest.fixture
def daemon(start: Callable[..., Daemon]) -> Daemon:
    """A fresh daemon with defaults, and nothing in it."""
    return start()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for a module whose tests keep out of each other's keys."""
    with Daemon(tmp_path_factory.mktemp("shared")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def http(shared: Daemon) -> Iterator[httpx2.Client]:
    """A client of it."""
    with shared.client() as client:
        yield client

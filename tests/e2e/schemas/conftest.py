"""Two daemons for all tests here, one empty and one on which configs are read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.processes import Daemon, scan_world


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("families")) as daemon:
        yield daemon


@pytest.fixture(scope="package")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon on which one config is read in two environments, and another one in one."""
    with Daemon(tmp_path_factory.mktemp("scan")) as daemon:
        more = {"configs/av/1.0.0/shallow": b'{"depth": 1}', "bindings/prod/asia/av/shallow": b""}
        daemon.load(scan_world() | more | {"envs/prod/eu/av/version": b"1.5.0"})
        for binding in ("prod/asia/av/default", "prod/eu/av/default", "prod/asia/av/shallow"):
            daemon.until_status(binding, state="InSync")
        yield daemon

"""What a test run says and does about services that are there, missing, or misnamed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.catalogue import required

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest
pytest_plugins = ["tests.services.fixtures"]

def test_needs_a_broker(kafka): pass
def test_needs_it_too(kafka): pass
def test_needs_nothing(): pass
"""


def run_pytest(folder: Path, tests: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a file of its own, where no service can be found."""
    (folder / "test_sample.py").write_text(tests)
    clean = {"PATH": "/nonexistent", "PYTHONPATH": str(ROOT), "HOME": str(folder), "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--rootdir", str(folder)]
    return subprocess.run(
        [*command, str(folder / "test_sample.py")],
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_missing_service_skips_its_tests_with_one_line(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, TESTS)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    closing = done.stdout.partition("= real services =")[2].partition("= short test summary")[0]
    assert closing.count("kafka: there is no Java 17") == 1
    assert "took part" not in done.stdout


@pytest.mark.parametrize("demand", [{"CI": "true"}, {"VERSIQII_REQUIRE_SERVICES": "1"}])
def test_where_services_are_required_a_missing_one_is_a_failure(tmp_path: Path, demand: dict[str, str]) -> None:
    done = run_pytest(tmp_path, TESTS, **demand)
    assert done.returncode == 1, done.stdout
    assert "1 passed, 2 errors" in done.stdout
    assert "there is no Java 17" in done.stdout


def test_a_misnamed_service_is_a_failure_everywhere(tmp_path: Path) -> None:
    sample = TESTS.replace("kafka", "vault")
    done = run_pytest(tmp_path, sample, VERSIQII_TEST_VAULT="/nonexistent/vault")
    assert done.returncode == 1, done.stdout
    assert "VERSIQII_TEST_VAULT names /nonexistent/vault" in done.stdout


def test_a_run_that_asks_for_no_service_says_nothing_of_them(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "def test_nothing(): pass\npytest_plugins = ['tests.services.fixtures']\n")
    assert done.returncode == 0
    assert "real services" not in done.stdout


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_ci_in_the_environment_requires_services(
    monkeypatch: pytest.MonkeyPatch, value: str, *, expected: bool
) -> None:
    monkeypatch.delenv("VERSIQII_REQUIRE_SERVICES", raising=False)
    monkeypatch.setenv("CI", value)
    assert required() is expected


def run_services(*names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.services`, where nothing can be found or built."""
    clean = {"PATH": "/nonexistent", "HOME": "/nonexistent", "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
    command = [sys.executable, "-m", "tests.services", *names]
    return subprocess.run(
        command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("empty_cache")
def test_make_services_has_one_line_for_each_it_could_not_get() -> None:
    done = run_services("consul", "toxiproxy")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["consul", "toxiproxy"]
    assert all("to get it: install Go" in line for line in lines)


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(("environment", "status"), [({}, 0), ({"CI": "true"}, 1)])
def test_make_services_fails_for_all_five_only_where_they_are_required(
    environment: dict[str, str], status: int
) -> None:
    done = run_services(**environment)
    assert done.returncode == status
    assert any(line.startswith("vault 1.21.0: there is no `go`") for line in done.stdout.splitlines())


def test_make_services_refuses_a_name_it_does_not_know() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.services", "zookeeper"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 64
    assert "unknown: zookeeper; known: all, consul" in done.stderr


@pytest.mark.parametrize(("demand", "outcome"), [({}, "1 skipped"), ({"CI": "true"}, "1 failed")])
def test_a_program_on_the_machine_is_missed_like_a_service(
    tmp_path: Path, demand: dict[str, str], outcome: str
) -> None:
    sample = "from tests.contract.tsa import openssl\n\ndef test_it(): openssl('version')\n"
    done = run_pytest(tmp_path, sample, **demand)
    assert outcome in done.stdout
    assert "there is no openssl on PATH" in done.stdout

"""The order in which a service's program is looked for, and the lock under which the cache is filled."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services.finder import MisnamedError, MissingServiceError, cache_home, find, obtain
from tests.services.recipes import DebianPackage, GoInstall, Recipe

if TYPE_CHECKING:
    from tests.services.progress import Progress

ROOT = Path(__file__).parents[2]


def script(path: Path, body: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@dataclass(frozen=True, slots=True)
class Gadget(Recipe):
    """A program whose build is a shell command."""

    command: str = "exit 0"

    def provide(self, folder: Path, progress: Progress) -> None:
        script(self.in_folder(folder), "echo gadget v2.5.0")
        progress.run(["sh", "-c", self.command], cwd=folder)


GADGET = Gadget("gadget", "2.5.0", (2, 4), "no time at all")


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing in the environment, on PATH or in the cache; returns the folder that is first on PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("VERSIQII_TEST_GADGET", raising=False)
    return tmp_path / "bin"


def test_a_missing_program_is_one_line_that_says_how_to_get_it() -> None:
    with pytest.raises(MissingServiceError) as missing:
        find(GADGET)
    said = str(missing.value)
    assert "\n" not in said
    assert "gadget 2.4 or newer" in said
    assert "make services SERVICES=gadget" in said
    assert "VERSIQII_TEST_GADGET" in said


def test_finding_builds_nothing() -> None:
    with pytest.raises(MissingServiceError):
        find(GADGET)
    assert not cache_home().exists()


def test_the_cache_is_used_when_the_machine_has_none() -> None:
    built = obtain(GADGET)
    assert (built.origin, built.version) == ("cache", "2.5.0")
    assert find(GADGET) == built


@pytest.mark.parametrize("version", ["2.4.0", "2.4", "2.10.1", "3.0.0+ent"])
def test_a_new_enough_program_on_path_wins_over_the_cache(empty_machine: Path, version: str) -> None:
    obtain(GADGET)
    own = script(empty_machine / "gadget", f"echo Gadget v{version}")
    found = find(GADGET)
    assert (found.path, found.origin) == (own, "machine")


def test_an_old_program_on_path_is_passed_over(empty_machine: Path) -> None:
    old = script(empty_machine / "gadget", "echo Gadget v2.3.9")
    with pytest.raises(MissingServiceError, match=rf"{old} is 2\.3\.9"):
        find(GADGET)
    assert obtain(GADGET).origin == "cache"


@pytest.mark.parametrize("body", ["exit 1", "echo no number here", "kill -9 $$"])
def test_a_program_on_path_that_cannot_tell_its_version_is_passed_over(empty_machine: Path, body: str) -> None:
    script(empty_machine / "gadget", body)
    with pytest.raises(MissingServiceError):
        find(GADGET)


def test_a_program_that_prints_its_version_on_standard_error_is_understood(empty_machine: Path) -> None:
    script(empty_machine / "gadget", '[ "$1" = --version ] && echo gadget, version 7.1 >&2')
    assert find(GADGET).version == "7.1"


def test_a_path_in_the_environment_wins_even_when_it_is_old(
    empty_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who names a program means it: compatibility runs use old ones."""
    script(empty_machine / "gadget", "echo v9.0")
    named = script(tmp_path / "elsewhere" / "old-gadget", "echo v1.13.9")
    monkeypatch.setenv("VERSIQII_TEST_GADGET", str(named))
    found = find(GADGET)
    assert (found.path, found.version, found.origin) == (named, "1.13.9", "environment")


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir(), lambda path: path.write_text("text")])
def test_a_wrong_path_in_the_environment_is_an_error_and_starts_no_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: object
) -> None:
    named = tmp_path / "wrong"
    make(named)  # type: ignore[operator]
    monkeypatch.setenv("VERSIQII_TEST_GADGET", str(named))
    for search in (find, obtain):
        with pytest.raises(MisnamedError, match="VERSIQII_TEST_GADGET"):
            search(GADGET)
    assert not cache_home().exists()


def test_a_relative_cache_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for useless in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CACHE_HOME", useless)
        assert cache_home() == tmp_path / ".cache" / "versiqii" / "services"


def test_a_failed_build_is_one_line_with_its_last_words_and_leaves_nothing() -> None:
    broken = Gadget("gadget", "2.5.0", (2, 4), "no time", command="echo first; echo the disk is full >&2; exit 3")
    with pytest.raises(MissingServiceError) as missing:
        obtain(broken)
    said = str(missing.value)
    assert "the disk is full" in said
    assert "\n" not in said
    assert {entry.name for entry in cache_home().iterdir()} == {"gadget.lock", "gadget-2.5.0.log"}
    assert obtain(GADGET).origin == "cache"


def test_an_incomplete_folder_in_the_cache_is_not_taken_and_is_replaced() -> None:
    (cache_home() / "gadget-2.5.0").mkdir(parents=True)
    with pytest.raises(MissingServiceError):
        find(GADGET)
    assert obtain(GADGET).path.is_file()


def _obtain_counting(counter: str, barrier: object) -> None:
    counting = Gadget("gadget", "2.5.0", (2, 4), "no time", command=f"echo built >>{counter}")
    barrier.wait()  # type: ignore[attr-defined]
    obtain(counting)


def test_many_at_once_build_once(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    processes = [context.Process(target=_obtain_counting, args=(str(counter), barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert counter.read_text().splitlines() == ["built"]


BUILD_THAT_HANGS = """
import sys
from tests.unit.test_services_finder import Gadget
from tests.services.finder import obtain
obtain(Gadget("gadget", "2.5.0", (2, 4), "for ever", command="echo $$ >%s; exec sleep 600"))
"""


def test_a_killed_build_frees_the_lock_and_its_remains_are_swept_up(tmp_path: Path) -> None:
    fifo = tmp_path / "began"
    subprocess.run(["mkfifo", fifo], check=True)
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILD_THAT_HANGS % fifo], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    sleeper = int(fifo.read_text())  # blocks until the build is under way
    builder.send_signal(signal.SIGKILL)
    builder.wait()
    try:
        with pytest.raises(MissingServiceError):
            find(GADGET)
        assert list(cache_home().glob(".part-*"))
        assert obtain(GADGET).origin == "cache"
        assert not list(cache_home().glob(".part-*"))
    finally:
        subprocess.run(["kill", str(sleeper)], check=True)


def test_without_go_the_hint_names_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    tool = GoInstall("gadget", "1.0", (1,), "seconds", package="example.com/gadget")
    with pytest.raises(MissingServiceError, match=r"no `go` on PATH; to get it: install Go"):
        obtain(tool)


def test_without_apt_the_hint_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingServiceError, match="no `apt-get` here; to get it: install gadgetd with"):
        obtain(DebianPackage("gadget", "1.0", (1,), "seconds", package="gadgetd"))


def test_apt_is_used_by_root_alone_and_updates_its_lists_first(
    empty_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = DebianPackage("gadget", "1.0", (1,), "seconds", package="gadgetd")
    calls = tmp_path / "calls"
    gadget = empty_machine / "gadget"
    installs = (
        f'echo "$@" >>{calls}; [ "$2" = install ] && printf "#!/bin/sh\\necho 1.4" >{gadget} && chmod +x {gadget}'
    )
    script(empty_machine / "apt-get", installs)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(MissingServiceError, match="apt-get needs root; to get it: sudo apt-get update"):
        obtain(package)
    assert not calls.exists()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    found = obtain(package)
    assert (found.path, found.version, found.origin) == (gadget, "1.4", "machine")
    assert [line.split()[1] for line in calls.read_text().splitlines()] == ["update", "install"]

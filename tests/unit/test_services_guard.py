"""No process outlives the test run, however it ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services.guard import end_trees, kill_tree, send, stopped, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FAMILY = "sleep 600 & sleep 600 & echo ready; wait"
STUBBORN = "trap '' TERM INT; (trap '' TERM INT; sleep 600) & echo ready; wait; wait"


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A shell with two children."""
    yield from _shell(FAMILY)


@pytest.fixture
def stubborn() -> Iterator[subprocess.Popen[bytes]]:
    """A shell with a child, both of which ignore polite signals."""
    yield from _shell(STUBBORN)


def _shell(words: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sh", "-c", words], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        send(tree(process.pid), signal.SIGKILL)


def test_a_tree_is_the_process_and_its_descendants(family: subprocess.Popen[bytes]) -> None:
    pids = tree(family.pid)
    assert pids[0] == family.pid
    assert len(pids) == 3


def test_ending_a_tree_leaves_none_of_it(family: subprocess.Popen[bytes]) -> None:
    pids = tree(family.pid)
    end_trees({family.pid: signal.SIGTERM}, grace_s=0.2)
    assert [tree(pid) for pid in pids] == [[], [], []]


def test_who_does_not_follow_is_killed(stubborn: subprocess.Popen[bytes]) -> None:
    pids = tree(stubborn.pid)
    assert len(pids) == 2
    end_trees({stubborn.pid: signal.SIGTERM}, grace_s=0.1)
    assert [tree(pid) for pid in pids] == [[], []]
    assert stubborn.wait() == -signal.SIGKILL


def test_killing_a_tree_leaves_none_of_it(stubborn: subprocess.Popen[bytes]) -> None:
    pids = tree(stubborn.pid)
    kill_tree(stubborn.pid)
    assert [tree(pid) for pid in pids] == [[], []]


def test_who_stands_still_is_ended_too(family: subprocess.Popen[bytes]) -> None:
    pids = tree(family.pid)
    assert not any(map(stopped, pids))
    send(pids, signal.SIGSTOP)
    end_trees({family.pid: signal.SIGTERM}, grace_s=0.2)
    assert [tree(pid) for pid in pids] == [[], [], []]


RUN = """
import os, signal, sys
from pathlib import Path
from tests.services.finder import Found
from tests.services.guard import guard, tree
from tests.services.server import Server

class Sleeper(Server):
    title = "Sleeper"

    def _command(self):
        return ["sh", "-c", "{family}"]

    def _is_ready(self):
        return len(tree(self.pid)) == 3

server = Sleeper(Found("sleeper", Path("/bin/sh"), "1.0", "machine"))
server.start()
print(guard()._process.pid, server.folder, *tree(server.pid), flush=True)
{how}
"""
POLITE = "trap 'kill 0' TERM; sleep 600 & sleep 600 & wait"
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def wait_for_end(pid: int) -> None:
    """Return when the process has ended."""
    with contextlib.suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        assert select.select([ended], [], [], 30)[0], f"process {pid} still runs"
        os.close(ended)


@pytest.mark.parametrize(
    ("how", "family"),
    [
        (KILLED, POLITE),
        (f"server.pause(); {KILLED}", POLITE),
        ("os._exit(3)", POLITE),
        ("sys.exit(0)", POLITE),
        ("raise RuntimeError", POLITE),
        (KILLED, FAMILY),  # its children do not end with it
    ],
)
def test_a_test_run_that_ends_without_tidying_up_leaves_no_process_and_no_folder(how: str, family: str) -> None:
    program = RUN.format(how=how, family=family)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout
        guard, folder, *pids = run.stdout.readline().split()
        wait_for_end(int(guard))
    assert len(pids) == 3
    assert [tree(int(pid)) for pid in pids] == [[]] * 3
    assert not Path(folder).exists()

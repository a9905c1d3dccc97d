"""Processes: who descends from whom, how a whole tree gets a signal, and who ends it when the test run itself dies.

Run as a script this file is the guard: a process that reads from its standard input which servers are running, and
ends them when that input closes. A closed pipe is the one message that even a killed test run sends, so no server
outlives it. (The kernel's parent-death signal would not do: it fires when the starting *thread* ends, and is lost when
a server changes its user.) The script runs without the project on its path: only the standard library may be imported.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 5.0
"""How long a server may take to end before it is killed. Arbitrary: every server here needs less than two seconds."""
POLL_S = 0.01


def _stat(entry: Path) -> tuple[str, int] | None:
    """State letter and parent of one `/proc` entry; None when it is gone. The name in brackets may hold anything."""
    try:
        fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def tree(pid: int) -> list[int]:
    """`pid` and all its descendants that have not ended, parents first."""
    children: dict[int, list[int]] = {}
    states: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(entry)):
            states[int(entry.name)] = stat[0]
            children.setdefault(stat[1], []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop(0)
        if states.get(current, "Z") not in "ZX":
            found.append(current)
        waiting.extend(children.get(current, ()))
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def stopped(pid: int) -> bool:
    """Whether every thread of the process stands still (or the process is gone)."""
    try:
        stats = [_stat(task) for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return True
    return all(stat is None or stat[0] in "TtZX" for stat in stats)


def _ended(pid: int) -> bool:
    stat = _stat(Path(f"/proc/{pid}"))
    return stat is None or stat[0] in "ZX"


def end_trees(roots: dict[int, signal.Signals], *, grace_s: float = GRACE_S) -> None:
    """End processes and everything below them, all at once; when this returns none of them runs.

    :param roots: each process and its polite signal; what is left after `grace_s` seconds is killed.
    """
    trees = {pid: tree(pid) for pid in roots}
    for pid, number in roots.items():
        send(trees[pid], signal.SIGCONT)
        send(trees[pid][:1], number)
    left = [pid for pids in trees.values() for pid in pids]
    deadline = time.monotonic() + grace_s
    while left := [pid for pid in left if not _ended(pid)]:
        if time.monotonic() > deadline:
            send([below for pid in left for below in tree(pid)], signal.SIGKILL)
            deadline += grace_s
        time.sleep(POLL_S)


def kill_tree(pid: int) -> None:
    """SIGKILL for a process and everything below it; when this returns none of them runs."""
    pids = tree(pid)
    send(pids, signal.SIGKILL)
    while not all(map(_ended, pids)):
        time.sleep(POLL_S)


class Guard:
    """The test run's end of the pipe. `watch` and `forget` bracket the life of every server."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def _tell(self, *words: object) -> None:
        assert self._process.stdin
        self._process.stdin.write("\t".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def watch(self, pid: int, number: signal.Signals) -> None:
        """From now on, end the tree of `pid` with this signal if the test run dies."""
        self._tell("watch", pid, int(number))

    def forget(self, pid: int) -> None:
        """The process has ended: its number may be given to somebody else."""
        self._tell("forget", pid)

    def keep(self, folder: Path) -> None:
        """From now on, remove the folder if the test run dies."""
        self._tell("keep", folder)

    def drop(self, folder: Path) -> None:
        """The folder is gone."""
        self._tell("drop", folder)

    def close(self) -> None:
        """Let the guard do what is left to do, and wait for it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


@functools.cache
def guard() -> Guard:
    """The one guard of this process, started at first use, ended at exit."""
    one = Guard()
    atexit.register(one.close)
    return one


def _main() -> None:
    watched: dict[int, signal.Signals] = {}
    folders: set[str] = set()
    for line in sys.stdin:
        match line.rstrip("\n").split("\t"):
            case ["watch", pid, number]:
                watched[int(pid)] = signal.Signals(int(number))
            case ["forget", pid]:
                watched.pop(int(pid), None)
            case ["keep", folder]:
                folders.add(folder)
            case ["drop", folder]:
                folders.discard(folder)
    end_trees(watched)
    for left in folders:
        shutil.rmtree(left, ignore_errors=True)


if __name__ == "__main__":
    _main()

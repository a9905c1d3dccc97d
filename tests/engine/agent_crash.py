"""Kills a changing agent before each of its system calls in turn, starts it again, and prints what came of it.

Run as a program, because it forks: one line of JSON for each point. The points are Python's own audit events for files,
renames and processes, so nothing in the agent knows that it is being killed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio._backends._asyncio

import versiqiid.agent.render.dotenv  # noqa: F401
from tests.engine.agent_bench import Bench, file_table, reload_of

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = {"open", "os.rename", "os.remove", "os.chmod", "os.chown", "os.mkdir", "os.symlink", "subprocess.Popen"}
KILLED = 9
OLD, NEW = b'{"a":"old"}', b'{"a":"new"}'
SCENARIOS = {"better": (OLD, ""), "bad": (OLD, "new"), "first": (None, "")}


def bench_in(root: Path, fails_on: str) -> Bench:
    reload = reload_of(root, "a.json")
    script = 'l=; read -r l < "$1"; [ -n "$2" ] || exit 0; case "$l" in *"$2"*) exit 1; esac'
    probe = {"command": ["sh", "-c", script, "probe", str(root / "etc/b.env"), fails_on]}
    check = ["test", "-s", "{staged}"]
    first = file_table(root, "a.json", reload=reload, check=check)
    return Bench(root, [first, file_table(root, "b.env", format="dotenv", reload=reload, probe=probe, mode="0640")])


def in_child(work: Callable[[], None]) -> int:
    """The exit status of a forked process that does the work."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the parent sees the status
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def look(bench: Bench, wanted: bytes | None, *, kill_at: int = 0) -> int:
    """One start and one look in a process of its own, killed before its ``kill_at``-th call."""

    def work() -> None:
        count = 0

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal count
            if event not in EVENTS or (event == "open" and not str(arguments[0]).startswith(str(bench.root))):
                return
            count += 1
            if count == kill_at:
                os._exit(KILLED)

        if kill_at:
            sys.addaudithook(hook)
        anyio.run(bench.converge, None if wanted is None else {"default": wanted})

    return in_child(work)


def told(bench: Bench) -> dict[str, Any]:
    memory = bench.root / "data/agent/av/state.json"
    state = json.loads(memory.read_text()) if memory.exists() else {"files": {}, "pending": []}
    failures = [record["known"]["failure"] for record in state["files"].values()]
    return {
        "a": bench.read("a.json"),
        "b": bench.read("b.env"),
        "reloads": bench.reloads(),
        "staged": len(bench.staged()),
        "pending": len(state["pending"]),
        "failures": [failure["state"] for failure in failures if failure],
    }


def main(folder: Path, scenario: str, stride: int) -> None:
    old, fails_on = SCENARIOS[scenario]
    root, before = folder / "host", folder / "before"
    bench = bench_in(root, fails_on)
    root.mkdir()
    if old is not None and look(bench, old) != 0:
        sys.exit("the first config cannot be applied")
    root.rename(before)
    point, reached = 1, True
    while reached:
        shutil.copytree(before, root)
        reached = look(bench, NEW, kill_at=point) == KILLED
        crashed = told(bench)
        again = look(bench, NEW, kill_at=point * 7 % 23 + 1)
        twice = told(bench)
        statuses = [look(bench, None)]
        away = told(bench)
        statuses.append(look(bench, NEW))
        print(json.dumps({
            "point": point, "reached": reached, "again": again == KILLED, "statuses": statuses,
            "crashed": crashed, "twice": twice, "away": away, "end": told(bench),
        }))  # fmt: skip
        shutil.rmtree(root)
        point += stride


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

"""The agent as a task on a store in memory: following, reporting, and a store that is away."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from versiqiid.adapters.memory import MemoryStore
from versiqiid.agent.reporter import Reporter
from versiqiid.agent.run import run
from versiqiid.agent.settings import AgentSettings, read_settings
from versiqiid.errors import InvalidSetting, NotFound, Unavailable
from versiqiid.ports import Delete, Observe, SessionId, Set, Trouble

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
KEY = "versiqii/effective/prod/eu/av/default"
REPORT = "versiqii/hosts/h1/av"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Told:
    """What the agent told the daemon; a test waits for the report that it expects."""

    reports: list[Any] = field(default_factory=list)
    _bell: anyio.Event = field(default_factory=anyio.Event)

    def __call__(self, report: Any) -> None:
        self.reports.append(report)
        self._bell.set()
        self._bell = anyio.Event()

    async def wait_for(self, state: str, **more: Any) -> Any:
        """The newest report once it has this state and these fields."""
        with anyio.fail_after(60):
            while True:
                last = self.reports[-1] if self.reports else {}
                if last.get("state") == state and all(last.get(key) == value for key, value in more.items()):
                    return last
                await self._bell.wait()


async def stored(store: MemoryStore, accept: Callable[[Any], bool]) -> Any:
    """The report under ``hosts/`` once it is as expected; None stands for no key."""
    found: list[Any] = []
    async with anyio.create_task_group() as tasks:

        async def observe(_: object) -> None:
            entry = await store.get(REPORT)
            value = json.loads(entry.value) if entry else None
            if accept(value):
                found.append(value)
                tasks.cancel_scope.cancel()

        with anyio.fail_after(60):
            await store.watch("versiqii/hosts/h1/", observe)
    return found[0]


@asynccontextmanager
async def agent(settings: AgentSettings, store: Any, locks: Any = None) -> AsyncIterator[Told]:
    told = Told()
    async with anyio.create_task_group() as tasks:

        async def start(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            await run(settings, store, locks or store, clock=lambda: 0.0, report=told, task_status=task_status)

        with anyio.fail_after(60):
            await tasks.start(start)
        yield told
        tasks.cancel_scope.cancel()


def settings_in(root: Path, *files: dict[str, Any], **more: Any) -> AgentSettings:
    target = {"target": "av", "files": list(files) or [{"destination": str(root / "a.json")}]}
    return read_settings(
        {"environment": "prod/eu", "host": "h1", "data_dir": str(root / "data"), "targets": [target]} | more
    )


async def test_nothing_to_do_is_idle_and_says_so() -> None:
    """Until [agent] names an environment, targets and files; the store is not touched."""
    async with agent(read_settings({"host": "h1"}), object()) as told:
        report = await told.wait_for("Idle")
        assert "environment" in report["reason"]


async def test_it_follows_its_own_configs_only(tmp_path: Path) -> None:
    """Another environment, target, or an environment that is named like the target are not its business."""
    store = MemoryStore()
    async with agent(settings_in(tmp_path), store) as told:
        await told.wait_for("Waiting")
        for place in ("prod/eu/other/default", "prod/av/default", "prod/eu/av/av/default", "prod/eu/av/other"):
            await store.commit([Set(f"versiqii/effective/{place}", b'{"a":"theirs"}')])
        await store.commit([Set(KEY, b'{"a":1}')])
        await told.wait_for("Applied")
        assert (tmp_path / "a.json").read_bytes() == b'{"a":1}'
        await store.commit([Set(KEY, b'{"a":2}')])
        await told.wait_for("Applied", digest=_digest(b'{"a":2}'))
        assert (tmp_path / "a.json").read_bytes() == b'{"a":2}'
        await store.commit([Delete(KEY)])
        await told.wait_for("Gone")
        assert (tmp_path / "a.json").read_bytes() == b'{"a":2}'


async def test_the_report_lies_under_a_session(tmp_path: Path) -> None:
    """It says what was applied, is not written again unchanged, and is gone when the agent stops."""
    store = MemoryStore()
    reload = ["sh", "-c", "! grep -q bad " + str(tmp_path / "a.json")]
    table = {"destination": str(tmp_path / "a.json"), "reload": reload}
    settings = settings_in(tmp_path, table)
    await store.commit([Set(KEY, b'{"a":1}')])
    async with agent(settings, store):
        report = await stored(store, lambda value: value is not None)
        assert report == {
            "host": "h1", "environment": "prod/eu", "target": "av", "name": "default", "file": str(tmp_path / "a.json"),
            "state": "Applied", "reason": "", "digest": _digest(b'{"a":1}'), "wantedDigest": _digest(b'{"a":1}'),
            "appliedAt": "1970-01-01T00:00:00.000000Z", "generations": 0, "lastProbe": None,
            "lastReload": {"at": "1970-01-01T00:00:00.000000Z", "outcome": "ok", "exitCode": 0},
            "files": report["files"],
        }  # fmt: skip
        before = await store.get(REPORT)
        await store.commit([Set(KEY, b'{"a":"bad"}')])
        report = await stored(store, lambda value: value["state"] == "Restored")
        assert report["digest"] == _digest(b'{"a":1}')
        assert report["wantedDigest"] == _digest(b'{"a":"bad"}')
        assert report["lastReload"]["exitCode"] == 1
        entry = await store.get(REPORT)
        assert before is not None
        assert entry is not None
        assert entry.revision == before.revision + 2  # the bad config and this report, nothing between
    assert await store.get(REPORT) is None


async def test_the_running_version_is_reported(tmp_path: Path) -> None:
    """As the target itself says, and why when it does not."""
    settings = read_settings({
        "environment": "prod/eu", "host": "h1", "data_dir": str(tmp_path / "data"),
        "targets": [
            {"target": "av", "version": {"file": str(tmp_path / "v")}, "files": [{"destination": str(tmp_path / "a")}]}
        ],
    })  # fmt: skip
    (tmp_path / "v").write_text("2.1.3\n")
    async with agent(settings, MemoryStore()) as told:
        assert (await told.wait_for("Waiting"))["version"] == "2.1.3"
    (tmp_path / "v").unlink()
    async with agent(settings, MemoryStore()) as told:
        report = await told.wait_for("Waiting")
        assert "version" not in report
        assert "no such file" in report["reason"]


class Away(MemoryStore):
    """A store whose every answer can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True
        self.back = anyio.Event()

    async def watch(self, prefix: str, observe: Observe) -> None:
        if self.away:
            await observe(Trouble(Unavailable("no answer"), 1))
            await self.back.wait()
        await super().watch(prefix, observe)

    async def open_session(self, name: str, **more: Any) -> Any:
        if self.away:
            raise Unavailable("no answer")
        return await super().open_session(name, **more)


async def test_a_host_starts_with_the_store_away_and_catches_up(tmp_path: Path) -> None:
    """The missing file is put back from the last good copy; when the store returns, following goes on."""
    settings = settings_in(tmp_path)
    store = MemoryStore()
    await store.commit([Set(KEY, b'{"a":1}')])
    async with agent(settings, store) as told:
        await told.wait_for("Applied")
    (tmp_path / "a.json").unlink()

    away = Away()
    await away.commit([Set(KEY, b'{"a":2}')])
    async with agent(settings, away) as told:
        report = await told.wait_for("Applied")
        assert report["wantedDigest"] is None
        assert (tmp_path / "a.json").read_bytes() == b'{"a":1}'
        away.away = False
        away.back.set()
        await told.wait_for("Applied", digest=_digest(b'{"a":2}'))
        assert (await stored(away, lambda value: value is not None))["digest"] == _digest(b'{"a":2}')


class Fragile(MemoryStore):
    """A watch that raises once, which no store should do."""

    broken = False

    async def watch(self, prefix: str, observe: Observe) -> None:
        if not self.broken and prefix.startswith("versiqii/effective/"):
            self.broken = True
            msg = "bug"
            raise RuntimeError(msg)
        await super().watch(prefix, observe)


async def test_a_store_with_a_bug_does_not_end_the_agent(tmp_path: Path) -> None:
    """The watch is begun again."""
    store = Fragile()
    await store.commit([Set(KEY, b'{"a":1}')])
    async with agent(settings_in(tmp_path), store) as told:
        await told.wait_for("Applied")


async def test_a_bug_in_one_target_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as failed, without details, and tried again."""
    two = read_settings({
        "environment": "prod/eu", "host": "h1", "data_dir": str(tmp_path / "data"),
        "targets": [
            {"target": "av", "files": [{"destination": str(tmp_path / "a"), "format": "yaml"}]},
            {"target": "fw", "files": [{"destination": str(tmp_path / "f")}]},
        ],
    })  # fmt: skip
    store = MemoryStore()
    await store.commit([Set(KEY, b'{"a":1}'), Set("versiqii/effective/prod/eu/fw/default", b'{"b":1}')])

    def broken(_: Any) -> str:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("versiqiid.agent.render.yaml.dump", broken)
    async with agent(two, store) as told:
        states = {report["target"]: report for report in told.reports}
        assert states["av"]["state"] == "Failed"
        assert "hunter2" not in states["av"]["reason"]
        assert states["fw"]["state"] == "Applied"


async def test_a_lost_session_is_opened_again(tmp_path: Path) -> None:
    """A host that slept longer than its session reports anew."""
    store = MemoryStore(monotonic=(clock := Clock()))
    await store.commit([Set(KEY, b'{"a":1}')])
    async with agent(settings_in(tmp_path, session_ttl_s=10), store) as told:
        await stored(store, lambda value: value is not None)
        clock.now += 1000
        await store.commit([Set("versiqii/hosts/wake", b"")])
        assert await store.get(REPORT) is None
        await store.commit([Set(KEY, b'{"a":2}')])
        await told.wait_for("Applied", digest=_digest(b'{"a":2}'))
        assert (await stored(store, lambda value: value is not None))["digest"] == _digest(b'{"a":2}')


class Clock:
    """Seconds that stand still until a test moves them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_restart_after_a_crash_does_not_wait_for_the_old_session(tmp_path: Path) -> None:
    """The note of the old session is on disk; it is ended, and the key is free at once."""
    store = MemoryStore(monotonic=Clock())
    old = await store.open_session("old", ttl_s=math.inf, delete=True)
    assert await store.acquire(REPORT, b"{}", old.id)
    note = tmp_path / "data" / ".session"
    note.parent.mkdir(parents=True)
    note.write_text(old.id)
    async with agent(settings_in(tmp_path), store):
        assert (await stored(store, bool))["state"] == "Waiting"
        with pytest.raises(NotFound):
            await store.renew(SessionId(old.id))


async def test_a_key_of_another_session_is_waited_for(tmp_path: Path) -> None:
    """As soon as the other one ends, the report is there."""
    store = MemoryStore(monotonic=Clock())
    other = await store.open_session("other", ttl_s=math.inf, delete=True)
    assert await store.acquire(REPORT, b"{}", other.id)
    async with agent(settings_in(tmp_path), store):
        await store.end_session(other.id)
        assert (await stored(store, bool))["state"] == "Waiting"


class Counting(MemoryStore):
    """Counts how often a lock was asked for: on Consul each time is a write."""

    asked = 0

    async def acquire(self, key: str, value: bytes, session: SessionId) -> bool:
        self.asked += 1
        return await super().acquire(key, value, session)


async def test_only_what_is_new_is_written(tmp_path: Path) -> None:
    """One write for each report that says something new, however often the task wakes."""
    store = Counting()
    reporter = Reporter(store, "h1", "versiqii/hosts/h1", 30, tmp_path / "session")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reporter.run)
        for value in (b"1", b"1", b"2"):
            reporter.publish("fw", b"same")
            reporter.publish("av", value)
            await stored(store, partial(operator.eq, json.loads(value)))
        tasks.cancel_scope.cancel()
    assert store.asked == 3


async def test_a_data_folder_that_cannot_be_used_is_a_setting(tmp_path: Path) -> None:
    """Said at the start, by name."""
    (tmp_path / "data").write_text("")
    with pytest.raises(InvalidSetting, match=r"agent\.data_dir"):
        await run(settings_in(tmp_path), MemoryStore(), MemoryStore())
    without = settings_in(tmp_path).model_copy(update={"data_dir": None})
    with pytest.raises(InvalidSetting, match="data_dir is missing"):
        await run(without, MemoryStore(), MemoryStore())


def _digest(raw: bytes) -> str:
    import hashlib  # noqa: PLC0415 - an oracle apart from the code

    return "sha256:" + hashlib.sha256(raw).hexdigest()

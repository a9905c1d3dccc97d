"""Changes of real files: what is written when, what is put back, and what is left alone."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.engine.agent_bench import BAD, BETTER, GOOD, Bench, file_table, reload_of, wanted

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])]


async def test_a_config_becomes_a_file_and_is_reloaded_once(tmp_path: Path) -> None:
    """Folders are made; the same config again touches nothing."""
    bench = Bench(tmp_path, [file_table(tmp_path, "x/a.json", reload=reload_of(tmp_path, "x/a.json"))])
    assert await bench.state(wanted(GOOD)) == ("Applied", "")
    before = bench.path("x/a.json").stat()
    assert await bench.state(wanted(GOOD)) == ("Applied", "")
    assert bench.path("x/a.json").stat() == before
    assert bench.reloads() == ['{"a":1}']
    assert stat.S_IMODE(before.st_mode) == 0o644
    assert bench.staged() == []


async def test_a_file_that_is_right_already_is_not_rewritten(tmp_path: Path) -> None:
    """A host that was set up by somebody else is taken over without a reload."""
    bench = Bench(tmp_path, [file_table(tmp_path, reload=reload_of(tmp_path, "a.json"))])
    bench.path("a.json").parent.mkdir()
    bench.path("a.json").write_bytes(GOOD)
    before = bench.path("a.json").stat()
    assert await bench.state(wanted(GOOD)) == ("Applied", "")
    assert bench.path("a.json").stat() == before
    assert bench.reloads() == []


async def test_a_failing_check_leaves_the_live_file(tmp_path: Path) -> None:
    """The check sees the staged file; its verdict is remembered until the config or the check changes."""
    seen = tmp_path / "seen"
    check = ["sh", "-c", 'cat "$1" >> "$2"; echo secret-output; ! grep -q bad "$1"', "check", "{staged}", str(seen)]
    bench = Bench(tmp_path, [file_table(tmp_path, check=check, reload=reload_of(tmp_path, "a.json"))])
    await bench.converge(wanted(GOOD))
    state, reason = await bench.state(wanted(BAD))
    assert state == "CheckFailed"
    assert "exit status 1" in reason
    assert "secret-output" not in reason
    output = next((tmp_path / "data").rglob("*.check.txt"))
    assert output.read_text() == "secret-output\n"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert bench.read("a.json") == '{"a":1}'
    assert bench.staged() == []

    await bench.start()
    assert (await bench.state(wanted(BAD)))[0] == "CheckFailed"
    assert seen.read_text() == '{"a":1}{"a":"bad"}'  # not tried again, not even after a restart
    assert bench.reloads() == ['{"a":1}']

    bench.files[0]["check"] = ["true", "{staged}"]
    await bench.start()
    assert await bench.state(wanted(BAD)) == ("Applied", "")  # another check is another trial


async def test_a_checker_that_is_missing_is_tried_again(tmp_path: Path) -> None:
    """It says nothing about the config."""
    checker = tmp_path / "checker"
    bench = Bench(tmp_path, [file_table(tmp_path, check=[str(checker), "{staged}"])])
    round_ = await bench.converge(wanted(GOOD))
    assert round_.retry
    assert round_.statuses[0].state.value == "CheckFailed"
    assert bench.read("a.json") is None
    checker.write_text("#!/bin/sh\nexit 0\n")
    checker.chmod(0o755)
    assert await bench.state(wanted(GOOD)) == ("Applied", "")


async def test_a_failing_reload_brings_the_file_back_and_is_not_tried_again(tmp_path: Path) -> None:
    """Restored, reloaded, told; the bad digest rests until it changes."""
    bench = Bench(tmp_path, [file_table(tmp_path, reload=reload_of(tmp_path, "a.json", fails_on="bad"))])
    await bench.converge(wanted(GOOD))
    assert await bench.state(wanted(BAD)) == ("Restored", "reload: sh: exit status 1")
    assert bench.read("a.json") == '{"a":1}'
    assert bench.reloads() == ['{"a":1}', '{"a":"bad"}', '{"a":1}']
    await bench.converge(wanted(BAD))
    await bench.start()
    assert (await bench.state(wanted(BAD)))[0] == "Restored"
    assert len(bench.reloads()) == 3
    assert await bench.state(wanted(BETTER)) == ("Applied", "")
    assert bench.read("a.json") == '{"a":2}'


async def test_a_failing_probe_brings_the_file_back(tmp_path: Path) -> None:
    """A reload that succeeds is not enough."""
    probe = {"command": ["sh", "-c", '! grep -q bad "$1"', "probe", str(tmp_path / "etc/a.json")]}
    bench = Bench(tmp_path, [file_table(tmp_path, reload=reload_of(tmp_path, "a.json"), probe=probe)])
    await bench.converge(wanted(GOOD))
    assert await bench.state(wanted(BAD)) == ("Restored", "probe: sh: exit status 1")
    assert bench.read("a.json") == '{"a":1}'
    assert bench.reloads()[-1] == '{"a":1}'
    record = bench.started[-1].memory.state.record(str(bench.path("a.json")))
    assert record.last_probe is not None
    assert (record.last_probe.outcome, record.last_probe.exit_code) == ("exit", 1)


async def test_going_back_to_the_good_config_needs_no_reload(tmp_path: Path) -> None:
    """It lies there already; the failure is forgotten, so that the bad one would be tried anew."""
    bench = Bench(tmp_path, [file_table(tmp_path, reload=reload_of(tmp_path, "a.json", fails_on="bad"))])
    for value in (GOOD, BAD, GOOD):
        await bench.converge(wanted(value))
    assert await bench.state(wanted(GOOD)) == ("Applied", "")
    assert len(bench.reloads()) == 3


async def test_on_a_new_host_a_failing_reload_keeps_the_file(tmp_path: Path) -> None:
    """There is nothing to go back to, and the engine may need the file to start at all."""
    bench = Bench(tmp_path, [file_table(tmp_path, reload=["false"])])
    assert await bench.state(wanted(GOOD)) == ("ReloadFailed", "reload: false: exit status 1")
    assert bench.read("a.json") == '{"a":1}'
    assert (await bench.state(wanted(GOOD)))[0] == "ReloadFailed"


async def test_a_vanished_effective_key_deletes_nothing(tmp_path: Path) -> None:
    """The last good copy stays, and that is told."""
    bench = Bench(tmp_path, [file_table(tmp_path)])
    assert (await bench.state({}))[0] == "Waiting"
    await bench.converge(wanted(GOOD))
    state, reason = await bench.state({})
    assert (state, bench.read("a.json")) == ("Gone", '{"a":1}')
    assert "stays" in reason


@pytest.mark.parametrize("raw", [b"", b"  ", b"{", b"\xff\xfe"])
async def test_a_broken_effective_value_changes_nothing(tmp_path: Path, raw: bytes) -> None:
    """A blank key must not become a blank file."""
    bench = Bench(tmp_path, [file_table(tmp_path)])
    await bench.converge(wanted(GOOD))
    assert (await bench.state(wanted(raw)))[0] == "RenderFailed"
    assert bench.read("a.json") == '{"a":1}'


async def test_an_edit_is_told_or_repaired(tmp_path: Path) -> None:
    """By default left and told; by setting put back, but not for ever; a new config overwrites it and keeps a copy."""
    bench = Bench(tmp_path, [file_table(tmp_path)])
    await bench.converge(wanted(GOOD))
    bench.path("a.json").write_text("edited")
    assert (await bench.state(wanted(GOOD)))[0] == "Edited"
    assert bench.read("a.json") == "edited"
    assert (await bench.state(wanted(BETTER)))[0] == "Applied"
    bench.files[0]["on_edit"] = "repair"
    await bench.start()
    for _ in range(5):
        bench.path("a.json").write_text("edited")
        assert (await bench.state(wanted(BETTER)))[0] == "Applied"
        assert bench.read("a.json") == '{"a":2}'
    bench.path("a.json").write_text("edited")
    assert (await bench.state(wanted(BETTER)))[0] == "Edited"
    assert bench.read("a.json") == "edited"


async def test_a_timeout_is_a_failure(tmp_path: Path) -> None:
    """The command is ended; the file goes back."""
    table = file_table(
        tmp_path, reload=["sh", "-c", '! grep -q bad "$1" || exec sleep 60', "r", str(tmp_path / "etc/a.json")]
    )
    bench = Bench(tmp_path, [table | {"reload_timeout_s": 0.2}])
    await bench.converge(wanted(GOOD))
    assert await bench.state(wanted(BAD)) == ("Restored", "reload: sh: still running after 0.2 s")
    assert bench.read("a.json") == '{"a":1}'


async def test_a_reload_that_never_lets_the_agent_live_is_given_up(tmp_path: Path) -> None:
    """Three starts end while this config is reloaded; the fourth brings the earlier one back without another try."""
    script = 'read -r l < "$1"; echo "$l" >> "$2"; ! grep -q bad "$1" || exec sleep 600'
    reload = ["sh", "-c", script, "reload", str(tmp_path / "etc/a.json"), str(tmp_path / "reloads")]
    bench = Bench(tmp_path, [file_table(tmp_path, reload=reload, reload_timeout_s=600)])
    await bench.converge(wanted(GOOD))
    for number in range(3):
        await bench.start()
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(bench.converge, wanted(BAD))
                while len(bench.reloads()) < 2 + number:
                    await anyio.sleep(0.005)
                tasks.cancel_scope.cancel()
    await bench.start()
    state, reason = await bench.state(None)
    assert (state, bench.read("a.json")) == ("Restored", '{"a":1}')
    assert "3 times" in reason
    assert bench.reloads() == ['{"a":1}', *['{"a":"bad"}'] * 3, '{"a":1}']

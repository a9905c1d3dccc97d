"""Changes of real files: what is written when, what is put back, and what is left alone."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.engine.agent_bench import Bench, file_table, reload_of
from versiqiid.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from versiqiid.agent.secrets import Reference

pytestmark = pytest.mark.anyio
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")

GOOD, BETTER, BAD = b'{"a":1}', b'{"a":2}', b'{"a":"bad"}'


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def wanted(value: bytes) -> dict[str, bytes]:
    return {"default": value}


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


async def test_a_foreign_file_is_the_first_generation(tmp_path: Path) -> None:
    """What lay there before the agent came is what comes back, with its mode."""
    bench = Bench(tmp_path, [file_table(tmp_path, mode="0600", reload=reload_of(tmp_path, "a.json", fails_on="bad"))])
    bench.path("a.json").parent.mkdir()
    bench.path("a.json").write_text("by hand")
    bench.path("a.json").chmod(0o640)
    assert (await bench.state(wanted(BAD)))[0] == "Restored"
    assert bench.read("a.json") == "by hand"
    assert stat.S_IMODE(bench.path("a.json").stat().st_mode) == 0o640


async def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    """What it points to is not touched; when the config is bad, the link comes back."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    bench = Bench(
        tmp_path, [file_table(tmp_path, reload=["sh", "-c", '! grep -q bad "$1"', "r", str(tmp_path / "etc/a.json")])]
    )
    bench.path("a.json").parent.mkdir()
    bench.path("a.json").symlink_to(victim)
    assert (await bench.state(wanted(BAD)))[0] == "Restored"
    assert bench.path("a.json").readlink() == victim
    assert (await bench.state(wanted(GOOD)))[0] == "Applied"
    assert not bench.path("a.json").is_symlink()
    assert bench.read("a.json") == '{"a":1}'
    assert victim.read_text() == "mine"


async def test_a_prepared_staging_link_is_not_written_through(tmp_path: Path) -> None:
    """In a folder that others may write to, a link under the staged name would be a way to any file."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    bench = Bench(tmp_path, [file_table(tmp_path)])
    bench.path("a.json").parent.mkdir()
    bench.path(".a.json.versiqii-staged").symlink_to(victim)
    assert (await bench.state(wanted(GOOD)))[0] == "Applied"
    assert victim.read_text() == "mine"


async def test_a_folder_at_the_destination_is_left_alone(tmp_path: Path) -> None:
    """Told, not removed."""
    bench = Bench(tmp_path, [file_table(tmp_path)])
    bench.path("a.json").mkdir(parents=True)
    state, reason = await bench.state(wanted(GOOD))
    assert state == "Failed"
    assert "neither a file" in reason


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


async def test_files_with_one_reload_reload_once_and_go_back_together(tmp_path: Path) -> None:
    """All of them are swapped before the reload; when it fails, all of them are the old ones again."""
    reload = reload_of(tmp_path, "a.json", fails_on="bad")
    bench = Bench(
        tmp_path,
        [
            file_table(tmp_path, "a.json", reload=reload),
            file_table(tmp_path, "b.env", reload=reload, format="dotenv"),
            file_table(tmp_path, "c.json", name="other"),
        ],
    )
    await bench.converge({"default": GOOD, "other": GOOD})
    assert bench.reloads() == ['{"a":1}']
    assert bench.read("b.env") == "A=1\n"
    round_ = await bench.converge({"default": BAD, "other": BETTER})
    assert [status.state.value for status in round_.statuses] == ["Restored", "Restored", "Applied"]
    assert bench.reloads() == ['{"a":1}', '{"a":"bad"}', '{"a":1}']
    assert (bench.read("a.json"), bench.read("b.env"), bench.read("c.json")) == ('{"a":1}', "A=1\n", '{"a":2}')


async def test_a_file_that_cannot_be_rendered_does_not_stop_the_others(tmp_path: Path) -> None:
    """Its reason names the pointer."""
    bench = Bench(tmp_path, [file_table(tmp_path, "a.toml", format="toml"), file_table(tmp_path, "b.json")])
    round_ = await bench.converge(wanted(b'{"x":[null]}'))
    assert [status.state.value for status in round_.statuses] == ["RenderFailed", "Applied"]
    assert round_.statuses[0].reason.startswith("/x/0: null")


async def test_a_file_that_cannot_be_staged_does_not_stop_its_group(tmp_path: Path) -> None:
    """A file where a folder should be; the other file of the same reload is applied."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "no").write_text("")
    reload = reload_of(tmp_path, "b.json")
    bench = Bench(
        tmp_path,
        [
            file_table(tmp_path, "no/a.json", reload=reload),
            file_table(tmp_path, "b.json", reload=reload, name="other"),
        ],
    )
    round_ = await bench.converge({"default": GOOD, "other": GOOD})
    assert [status.state.value for status in round_.statuses] == ["Failed", "Applied"]
    assert round_.retry
    assert bench.reloads() == ['{"a":1}']


@root_only
async def test_owner_group_and_mode_are_set_before_the_file_is_there(tmp_path: Path) -> None:
    """The check sees them on the staged file already; a change of them alone is made in place, without a reload."""
    told = tmp_path / "told"
    check = ["sh", "-c", 'stat -c "%a %u %g" "$1" > "$2"', "check", "{staged}", str(told)]
    table = file_table(
        tmp_path, mode="0640", owner="nobody", group="12", check=check, reload=reload_of(tmp_path, "a.json")
    )
    bench = Bench(tmp_path, [table])
    await bench.converge(wanted(GOOD))
    found = bench.path("a.json").stat()
    assert told.read_text() == f"640 {found.st_uid} 12\n"
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o640, 12)
    assert found.st_uid != 0
    os.chown(bench.path("a.json"), 0, 0)
    assert await bench.state(wanted(GOOD)) == ("Applied", "")
    again = bench.path("a.json").stat()
    assert (again.st_uid, again.st_gid, again.st_ino) == (found.st_uid, 12, found.st_ino)
    assert len(bench.reloads()) == 1


async def test_an_unknown_owner_is_named(tmp_path: Path) -> None:
    """The file is not written under another name instead."""
    bench = Bench(tmp_path, [file_table(tmp_path, owner="no-such-user-here")])
    state, reason = await bench.state(wanted(GOOD))
    assert (state, bench.read("a.json")) == ("RenderFailed", None)
    assert "no-such-user-here" in reason


@pytest.mark.parametrize(("mode", "expected"), [(None, 0o600), ("0644", 0o640), ("0640", 0o640)])
async def test_a_file_with_a_secret_is_private(tmp_path: Path, mode: str | None, expected: int) -> None:
    """Resolved only here; 0600 unless a setting gives the group something, and others never."""

    async def resolve(reference: Reference) -> str:
        return "hunter2" if reference.path == "db" else "?"

    bench = Bench(tmp_path, [file_table(tmp_path) | ({"mode": mode} if mode else {})], resolve)
    assert await bench.state(wanted(b'{"pw":"vault:kv/db#pw"}')) == ("Applied", "")
    assert bench.read("a.json") == '{"pw":"hunter2"}'
    assert stat.S_IMODE(bench.path("a.json").stat().st_mode) == expected
    assert "hunter2" not in (tmp_path / "data/agent/av/state.json").read_text()


async def test_without_secrets_the_file_stays_and_is_tried_again(tmp_path: Path) -> None:
    """Vault away: later; no Vault at all: told, with the pointer."""

    async def away(_: Reference) -> str:
        raise Unavailable("no answer from the secret store")

    bench = Bench(tmp_path, [file_table(tmp_path)], away)
    await bench.converge(wanted(GOOD))
    round_ = await bench.converge(wanted(b'{"pw":"vault:kv/db#pw"}'))
    assert round_.retry
    bench.resolve = None
    await bench.start()
    round_ = await bench.converge(wanted(b'{"pw":"vault:kv/db#pw"}'))
    assert not round_.retry
    assert round_.statuses[0].reason.startswith("/pw: vault:kv/db#pw")
    assert bench.read("a.json") == '{"a":1}'


async def test_generations_are_kept_by_number(tmp_path: Path) -> None:
    """Earlier contents, newest first, no more than asked for; what nobody refers to is removed."""
    bench = Bench(tmp_path, [file_table(tmp_path, generations=2)])
    for number in range(5):
        await bench.converge(wanted(b'{"a":%d}' % number))
    record = bench.started[-1].memory.state.record(str(bench.path("a.json")))
    kept = tmp_path / "data/agent/av/generations"
    assert [(kept / generation.content).read_bytes() for generation in record.generations] == [b'{"a":3}', b'{"a":2}']
    assert len(list(kept.iterdir())) == 3
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept.iterdir())


async def test_without_generations_nothing_is_kept_or_restored(tmp_path: Path) -> None:
    """For files whose contents must not lie in a second place."""
    bench = Bench(tmp_path, [file_table(tmp_path, generations=0, reload=reload_of(tmp_path, "a.json", fails_on="bad"))])
    await bench.converge(wanted(GOOD))
    assert (await bench.state(wanted(BAD)))[0] == "ReloadFailed"
    assert list((tmp_path / "data/agent/av/generations").iterdir()) == []


async def test_the_last_good_copy_is_put_back_without_a_store(tmp_path: Path) -> None:
    """A host starts with everything away: missing files return and are reloaded, present ones are not touched."""
    bench = Bench(tmp_path, [file_table(tmp_path, reload=reload_of(tmp_path, "a.json", fails_on="bad"))])
    assert (await bench.state(None))[0] == "Waiting"
    await bench.converge(wanted(GOOD))
    await bench.converge(wanted(BAD))
    await bench.start()
    assert (await bench.state(None))[0] == "Restored"  # what went wrong is not forgotten
    bench.path("a.json").unlink()
    await bench.converge(None)
    assert bench.read("a.json") == '{"a":1}'
    assert bench.reloads()[-1] == '{"a":1}'
    bench.path("a.json").write_text("edited")
    await bench.converge(None)
    assert bench.read("a.json") == "edited"


async def test_an_unreadable_memory_is_put_aside(tmp_path: Path) -> None:
    """Files are looked at afresh, and a person is told."""
    bench = Bench(tmp_path, [file_table(tmp_path)])
    await bench.converge(wanted(GOOD))
    memory = tmp_path / "data/agent/av/state.json"
    memory.write_text(json.dumps({"files": 1}))
    converger = await bench.start()
    assert "unreadable" in converger.memory.warning
    assert memory.with_suffix(".unreadable").exists()
    assert await bench.state(wanted(GOOD)) == ("Applied", "")


async def test_a_timeout_is_a_failure(tmp_path: Path) -> None:
    """The command is ended; the file goes back."""
    table = file_table(
        tmp_path, reload=["sh", "-c", '! grep -q bad "$1" || exec sleep 60', "r", str(tmp_path / "etc/a.json")]
    )
    bench = Bench(tmp_path, [table | {"reload_timeout_s": 0.2}])
    await bench.converge(wanted(GOOD))
    assert await bench.state(wanted(BAD)) == ("Restored", "reload: sh: still running after 0.2 s")
    assert bench.read("a.json") == '{"a":1}'


@pytest.mark.parametrize("spoil", ["check", "format"])
async def test_files_of_one_config_stand_or_fall_together(tmp_path: Path, spoil: str) -> None:
    """Two files of one reload: when one is refused, the engine must not read half of the new config."""
    reload = reload_of(tmp_path, "a.json")
    refusing = {
        "check": file_table(
            tmp_path,
            "b.env",
            reload=reload,
            format="dotenv",
            check=["sh", "-c", '! grep -q null "$1"', "c", "{staged}"],
        ),
        "format": file_table(tmp_path, "b.env", reload=reload, format="dotenv"),
    }[spoil]
    bench = Bench(
        tmp_path,
        [file_table(tmp_path, reload=reload), refusing, file_table(tmp_path, "c.json", reload=reload, name="other")],
    )
    await bench.converge({"default": GOOD, "other": GOOD})
    bad = {"check": b'{"a":"null"}', "format": b'{"a":null}'}[spoil]
    round_ = await bench.converge({"default": bad, "other": BETTER})
    state = {"check": "CheckFailed", "format": "RenderFailed"}[spoil]
    assert [status.state.value for status in round_.statuses] == [state, state, "Applied"]
    assert "held back with" in round_.statuses[0].reason
    assert (bench.read("a.json"), bench.read("b.env"), bench.read("c.json")) == ('{"a":1}', "A=1\n", '{"a":2}')
    assert len(bench.reloads()) == 2
    assert bench.staged() == []
    again = await bench.converge({"default": bad, "other": BETTER})
    assert again == round_
    assert len(bench.reloads()) == 2
    bench.files[1] |= {"format": "json", "check": ["true", "{staged}"]}
    await bench.start()
    round_ = await bench.converge({"default": bad, "other": BETTER})
    assert [status.state.value for status in round_.statuses] == ["Applied"] * 3  # mending one frees the other


async def test_a_swap_that_the_disk_refuses_undoes_the_others(tmp_path: Path) -> None:
    """The second destination becomes a folder after it was looked at: the first goes back, and no config is blamed."""
    check = [
        "sh",
        "-c",
        'grep -q 1 "$1" || { rm "$2"; mkdir "$2"; }',
        "check",
        "{staged}",
        str(tmp_path / "etc/b.json"),
    ]
    reload = reload_of(tmp_path, "a.json")
    bench = Bench(
        tmp_path, [file_table(tmp_path, reload=reload), file_table(tmp_path, "b.json", reload=reload, check=check)]
    )
    await bench.converge(wanted(GOOD))
    round_ = await bench.converge(wanted(BETTER))
    assert round_.retry
    assert {status.state.value for status in round_.statuses} == {"Failed"}
    assert "cannot swap" in round_.statuses[0].reason
    assert bench.read("a.json") == '{"a":1}'
    assert bench.reloads() == ['{"a":1}', '{"a":1}']
    assert bench.staged() == []
    bench.path("b.json").rmdir()
    bench.files[1].pop("check")
    await bench.start()
    assert await bench.state(wanted(BETTER)) == ("Applied", "")
    assert (bench.read("a.json"), bench.read("b.json")) == ('{"a":2}', '{"a":2}')


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

"""What an agent finds where a file is to go: files, links and folders of others, owners, generations, its memory."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.engine.agent_bench import BAD, GOOD, Bench, file_table, reload_of, wanted
from versiqiid.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from versiqiid.agent.secrets import Reference

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])]


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


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

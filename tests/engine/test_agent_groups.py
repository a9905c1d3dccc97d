"""Files that belong together: one reload, and all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.agent_bench import BAD, BETTER, GOOD, Bench, file_table, reload_of, wanted

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])]


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

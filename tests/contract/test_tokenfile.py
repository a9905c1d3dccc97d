"""Tokens without Vault: given, or in a file that changes, vanishes and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.waiting import until
from versiqiid.adapters.tokenfile import StaticToken, TokenFile
from versiqiid.core.access import Access, nickname
from versiqiid.errors import InvalidSetting

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


async def test_a_given_token_stays() -> None:
    """There is nothing to do for it, and it is not shown."""
    token = StaticToken("hush-hush")
    assert token.current().value == "hush-hush"
    assert "hush" not in repr(token.current())
    with anyio.move_on_after(0.01) as scope:
        await token.run()
    assert scope.cancelled_caught


@pytest.mark.parametrize("bad", ["", " ", "two words", "line\nbreak", "umlaut-ä", "x" * 4097, "tab\t"])
async def test_what_cannot_be_a_token_is_refused_without_being_shown(bad: str, tmp_path: Path) -> None:
    """It would break the header it travels in, or add another."""
    with pytest.raises(InvalidSetting) as caught:
        StaticToken(bad)
    file = tmp_path / "token"
    file.write_bytes(bad.encode("latin-1") + b"\xff")
    with pytest.raises(InvalidSetting, match="token file"):
        TokenFile(file)
    assert not bad.strip() or bad not in str(caught.value)


async def test_a_missing_file_is_named_at_start(tmp_path: Path) -> None:
    """Nothing starts without its first token."""
    with pytest.raises(InvalidSetting, match="nowhere: No such file"):
        TokenFile(tmp_path / "nowhere")


async def test_a_changed_file_is_followed_and_a_broken_one_is_not(tmp_path: Path) -> None:
    """Rewritten, flipped as a link, emptied, removed, back again: always the last good token, and the trouble told."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("one\n")
    second.write_text("two\n")
    link = tmp_path / "token"
    link.symlink_to(first)
    told: list[Access] = []
    followed = TokenFile(link, poll_s=0.005, tell=told.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(followed.run)
        assert followed.current().value == "one"
        flipped = tmp_path / "flip"
        flipped.symlink_to(second)
        flipped.replace(link)
        await until(lambda: followed.current().value == "two")
        second.write_text("")
        await until(lambda: "visible ASCII" in followed.state.trouble)
        assert followed.current().value == "two"
        link.unlink()
        await until(lambda: "No such file" in followed.state.trouble)
        link.write_text("three")
        await until(lambda: followed.current().value == "three" and followed.state.trouble == "")
        assert followed.state.rotations == 2
        tasks.cancel_scope.cancel()
    assert [fact.type for fact in told] == ["TokenUsed", "TokenRotated", "TokenRotated"]
    assert [fact.data["subject"] for fact in told] == [nickname(token) for token in ("one", "two", "three")]
    assert told[1].data["previous"] == nickname("one")

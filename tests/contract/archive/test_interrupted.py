"""An archive whose server goes away at any write, that two write at once, or that would be written over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.contract.archive.bucket import ORIGIN, SEALER, SIGNER, Bucket, archive_of, fetch, same
from versiqiid.adapters.s3 import S3Objects
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.engine.archive import Archive
from versiqiid.errors import Conflict, Refused, Unavailable
from versiqiid.testing.journal_tools import ACTOR, SteppingClock

pytestmark = [pytest.mark.anyio, pytest.mark.s3]


class Breaking:
    """Objects whose server goes away at the nth write: before it was done, or after."""

    def __init__(self, real: S3Objects, at: int, *, after: bool) -> None:
        self._real = real
        self._left = at
        self._after = after
        self.broke = False

    @property
    def place(self) -> str:
        return self._real.place

    async def create(self, name: str, data: bytes) -> bool:
        return bool(await self._write(lambda: self._real.create(name, data)))

    async def replace(self, name: str, data: bytes, tag: str | None) -> None:
        await self._write(lambda: self._real.replace(name, data, tag))

    async def _write(self, write: Callable[[], Any]) -> Any:
        self._left -= 1
        if self._left > 0 or self.broke:
            return await write()
        self.broke = True
        if self._after:
            await write()
        raise Unavailable("the server went away")

    async def read(self, name: str) -> tuple[bytes, str] | None:
        return await self._real.read(name)

    async def names(self, prefix: str) -> tuple[str, ...]:
        return await self._real.names(prefix)


@pytest.mark.parametrize("after", [False, True])
async def test_broken_off_at_any_write_and_repeated_the_end_is_the_same(
    journal: SqlJournal, bucket: Bucket, identity: Path, tmp_path: Path, *, after: bool
) -> None:
    """Until the last write the archive is what it was before: nothing, or the last state that was complete."""
    objects = await S3Objects.open(bucket.url)
    at = 0
    while True:
        at += 7
        breaking = Breaking(objects, at, after=after)
        archive = Archive(journal, breaking, SIGNER.key, SEALER.seal, actor=ACTOR)
        try:
            await archive.bring()
        except Unavailable:
            assert breaking.broke
            if "checkpoint" not in bucket.names():
                continue
        break
    await (await archive_of(journal, bucket)).bring()
    async with await SqliteJournal.open(tmp_path / "r.db", clock=SteppingClock(), origin=ORIGIN) as other:
        await fetch(bucket, other, identity)
        await same(journal, other)


async def test_of_two_that_archive_at_once_none_spoils_the_other(
    journal: SqlJournal, bucket: Bucket, identity: Path, tmp_path: Path
) -> None:
    outcomes: list[str] = []

    async def work() -> None:
        try:
            await (await archive_of(journal, bucket)).bring()
        except (Conflict, Refused) as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("ok")

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(work)
    assert "ok" in outcomes
    async with await SqliteJournal.open(tmp_path / "r.db", clock=SteppingClock(), origin=ORIGIN) as other:
        await fetch(bucket, other, identity)
        await same(journal, other)


class Forgetful:
    """A server that takes If-None-Match for decoration."""

    place = "s3://forgetful"

    async def create(self, name: str, data: bytes) -> bool:
        return bool(name and data)

    async def read(self, name: str) -> tuple[bytes, str] | None:
        return None if name else (b"", "")

    async def replace(self, name: str, data: bytes, tag: str | None) -> None:
        raise AssertionError((name, data, tag))

    async def names(self, prefix: str) -> tuple[str, ...]:
        return (prefix,)


async def test_a_server_that_would_overwrite_is_not_trusted(journal: SqlJournal) -> None:
    with pytest.raises(Refused, match="If-None-Match"):
        await Archive(journal, Forgetful(), SIGNER.key, None, actor=ACTOR).bring()

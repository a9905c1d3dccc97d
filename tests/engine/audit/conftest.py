"""A journal that is exported and signed, made once, and copies of it to be tampered with."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.engine.audit.audited import export_to, grow, reopen
from tests.engine.forger import ORIGIN, SIGNER
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.testing.journal_tools import SteppingClock, about


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal of 601 entries, 600 of them exported, and two checkpoints.

    Not asynchronous itself: the event loop would stay with it for the rest of the run, and no test could have its own.
    """
    folder = tmp_path_factory.mktemp("audit")
    anyio.run(_make, folder)
    return folder


async def _make(folder: Path) -> None:
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), origin=ORIGIN) as journal:
        await grow(journal, 100)
        (folder / "early").write_bytes(await journal.sign_checkpoint(SIGNER))
        await journal.append([about(f"k{number}", number, b"v%d" % number) for number in range(1, 501)])
        await export_to(journal, folder / "export")
        await journal.sign_checkpoint(SIGNER)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to be tampered with."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture
async def journal(folder: Path) -> AsyncIterator[SqliteJournal]:
    async with await reopen(folder) as journal:
        yield journal

"""Time stamps (RFC 3161) by OpenSSL's authority: asked for, verified, kept in the journal; every change refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import anyio
import pytest

from tests.contract.tsa import Tsa, running
from versiqiid.adapters.post import Post
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.timestamps import Authority, verify
from versiqiid.engine.checkpoints import CheckpointLoop
from versiqiid.engine.timestamping import TimestampLoop, stamp_newest
from versiqiid.errors import InvalidSetting, JournalRefused, Unavailable
from versiqiid.ports import Actor, Query
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, draft

pytestmark = pytest.mark.anyio

ADA = Actor("user", "ada", "cli")
NOTE = b"a checkpoint\n"


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with running(tmp_path_factory.mktemp("tsa") / "one") as one:
        yield one


@pytest.fixture
def authority(tsa: Tsa) -> Authority:
    tsa.broken = None
    return Authority(Post(tsa.url, setting="timestamp"), tsa.ca.read_bytes())


async def test_a_stamp_is_verified_by_us_and_by_openssl(tsa: Tsa, authority: Authority) -> None:
    before = int(time.time())
    response, told = await authority.stamp(NOTE)
    assert before <= datetime.fromisoformat(told).timestamp() <= time.time() + 1
    assert verify(response, NOTE, tsa.ca.read_bytes(), "stamp") == told
    assert tsa.takes(response, NOTE)
    assert not tsa.takes(response, NOTE + b" ")


async def test_every_change_is_refused(tsa: Tsa, authority: Authority, tmp_path: Path) -> None:
    response, _ = await authority.stamp(NOTE)
    roots = tsa.ca.read_bytes()
    with running(tmp_path / "other") as other:
        other_roots = other.ca.read_bytes()
    for data, stamped, trusted in (
        (response, NOTE + b" ", roots),
        (response, NOTE, other_roots),
        (response[:-9] + bytes([response[-9] ^ 1]) + response[-8:], NOTE, roots),
        (response[:-1], NOTE, roots),
        (b"", NOTE, roots),
        (bytes.fromhex("30053003020102"), NOTE, roots),  # a rejection without a stamp
    ):
        with pytest.raises(JournalRefused) as caught:
            verify(data, stamped, trusted, "stamp")
        assert (caught.value.fault, caught.value.place) == ("timestamp", "stamp")


async def test_an_answer_to_another_question_is_refused(tsa: Tsa, authority: Authority) -> None:
    """A stamp of the same data that was asked for earlier lacks the number that this question has."""
    response, _ = await authority.stamp(NOTE)
    tsa.broken = (200, response)
    with pytest.raises(JournalRefused, match=r"timestamp at 127\.0\.0\.1"):
        await authority.stamp(NOTE)


async def test_an_authority_that_does_not_answer_is_unavailable(tsa: Tsa, authority: Authority) -> None:
    tsa.broken = (503, b"")
    with pytest.raises(Unavailable, match="answered 503"):
        await authority.stamp(NOTE)
    tsa.broken = (200, bytes(100_000))
    with pytest.raises(Unavailable, match="more than"):
        await authority.stamp(NOTE)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await Authority(Post("http://127.0.0.1:1", setting="timestamp"), tsa.ca.read_bytes()).stamp(NOTE)


@pytest.mark.parametrize("url", ["", "tsa.test", "ftp://tsa.test", "https://user:secret@tsa.test"])
def test_what_is_no_address_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(InvalidSetting, match="timestamp") as caught:
        Post(url, setting="timestamp")
    assert "secret" not in str(caught.value)


def test_what_are_no_certificates_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="timestamp-ca"):
        Authority(Post("https://tsa.test", setting="timestamp"), b"no certificate")


async def test_note_and_stamp_are_kept_in_the_journal(authority: Authority, tmp_path: Path) -> None:
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
        with pytest.raises(JournalRefused, match="missing at checkpoint"):
            await stamp_newest(journal, authority, actor=ADA)
        await journal.append([draft(1)])
        signed = await journal.sign_checkpoint(LocalSigner(journal.origin))
        note, response, told = await stamp_newest(journal, authority, actor=ADA)
        assert note == signed
        (last,) = await journal.read(Query(descending=True, limit=1))
        data = json.loads(last.entry)["data"]
        assert (last.type, data["size"], data["stampedAt"]) == ("CheckpointTimestamped", 1, told)
        assert await journal.document(data["checkpoint"]) == note
        assert await journal.document(data["timestamp"]) == response


async def test_the_loop_stamps_news_and_goes_on_after_trouble(tsa: Tsa, authority: Authority, tmp_path: Path) -> None:
    """Stamps and checkpoints do not call each other forth: without news there is one of each, and then quiet."""

    async def until(count: int) -> None:
        with anyio.fail_after(60):
            while len(await journal.read(Query(type="CheckpointTimestamped"))) < count:
                await anyio.sleep(0.01)

    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
        loop = TimestampLoop(journal, authority, actor=ADA, interval_s=0.01)
        signing = CheckpointLoop(journal, LocalSigner(journal.origin), interval_s=0.01)
        tsa.broken = (503, b"")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(signing.run)
            tasks.start_soon(loop.run)
            await journal.append([draft(1)])
            with anyio.fail_after(60):
                while "answered 503" not in loop.trouble:
                    await anyio.sleep(0.01)
            tsa.broken = None
            await until(1)
            await journal.append([draft(2)])
            await until(2)
            assert loop.trouble == ""
            tasks.cancel_scope.cancel()
        kinds = [entry.type for entry in await journal.read(Query())]
        assert kinds.count("ConfigRevised") == 2
        assert kinds.count("CheckpointTimestamped") <= 3, "one more where a checkpoint came between two stamps"

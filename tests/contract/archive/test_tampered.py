"""What was changed in an archive is refused, and an archive of something else is left alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.archive.bucket import ORIGIN, SEALER, SIGNER, Bucket, archive_of, fetch, refusal, same
from tests.contract.places import SqlitePlace
from versiqiid.adapters.s3 import S3Objects
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.canonical import digest
from versiqiid.core.note import peek_checkpoint
from versiqiid.engine.archive import Archive, object_of
from versiqiid.errors import JournalRefused, Refused
from versiqiid.testing.journal_tools import ACTOR, LocalSigner, SteppingClock, draft

pytestmark = [pytest.mark.anyio, pytest.mark.s3]


def edit(bucket: Bucket, name: str, old: bytes, new: bytes) -> None:
    data = bucket.get(name)
    assert data.count(old) > 0
    assert len(old) == len(new)
    bucket.put(name, data.replace(old, new, 1))


DOCUMENT = object_of(digest(b"value 7"))

TAMPERINGS: tuple[tuple[Callable[[Bucket], object], tuple[str, str]], ...] = (
    (lambda b: edit(b, "tile/entries/001.p/44", b'"ada"', b'"eve"'), ("entry", "position 256")),
    (lambda b: b.put("tile/0/000", bytes(256 * 32)), ("tile", "tile/0/000")),
    (lambda b: b.put("tile/1/000.p/1", bytes(32)), ("tile", "tile/1/000.p/1")),
    (lambda b: b.delete("tile/entries/000"), ("missing", "tile/entries/000")),
    (lambda b: b.delete("checkpoint"), ("missing", "checkpoint")),
    (lambda b: b.delete("log.vkey"), ("missing", "log.vkey")),
    (lambda b: edit(b, "checkpoint", b"\n300\n", b"\n299\n"), ("signature", "checkpoint")),
    (lambda b: b.put(DOCUMENT, SEALER.seal(b"another value")), ("document", "sha256:" + DOCUMENT[10:74])),
    (lambda b: b.put(DOCUMENT, b.get(DOCUMENT)[:-1]), ("sealed", DOCUMENT)),
    (lambda b: b.delete(DOCUMENT), ("document", "sha256:" + DOCUMENT[10:74])),
)


@pytest.fixture
async def archived(journal: SqlJournal, bucket: Bucket) -> Bucket:
    await (await archive_of(journal, bucket)).bring()
    return bucket


@pytest.mark.parametrize(("tamper", "expected"), TAMPERINGS)
async def test_what_was_changed_in_the_archive_is_refused(
    archived: Bucket,
    identity: Path,
    tmp_path: Path,
    tamper: Callable[[Bucket], object],
    expected: tuple[str, str],
) -> None:
    tamper(archived)
    assert await refusal(archived, tmp_path, identity) == expected


async def test_a_return_to_an_older_archive_is_refused_with_a_checkpoint_from_elsewhere(
    journal: SqlJournal, bucket: Bucket, identity: Path, tmp_path: Path
) -> None:
    archive = await archive_of(journal, bucket)
    await archive.bring()
    older = bucket.get("checkpoint")
    await journal.append([draft(1)])
    elsewhere = await journal.sign_checkpoint(SIGNER)
    await archive.bring()
    bucket.put("checkpoint", older)
    assert await refusal(bucket, tmp_path, identity, elsewhere) == ("truncation", "earlier checkpoint 1")
    assert peek_checkpoint(elsewhere, "").size == 302


async def test_names_that_lead_out_of_the_copy_are_left_alone(
    journal: SqlJournal, bucket: Bucket, identity: Path, tmp_path: Path
) -> None:
    await (await archive_of(journal, bucket)).bring()
    for name in ("documents/../../evil.age", "documents/evil.age", "documents/sub/evil.age"):
        with contextlib.suppress(Exception):  # the server may refuse such names itself
            bucket.put(name, b"evil")
    async with await SqliteJournal.open(tmp_path / "r.db", clock=SteppingClock(), origin=ORIGIN) as other:
        await fetch(bucket, other, identity)
        await same(journal, other)


async def test_an_archive_of_another_journal_or_of_another_past_is_left_alone(
    journal: SqlJournal, bucket: Bucket, tmp_path: Path
) -> None:
    await (await archive_of(journal, bucket)).bring()
    before = {name: bucket.get(name) for name in bucket.names()}
    stranger = LocalSigner("other.log")
    async with await SqliteJournal.open(tmp_path / "o.db", clock=SteppingClock(), origin="other.log") as other:
        await other.append([draft()])
        await other.sign_checkpoint(stranger)
        objects = await S3Objects.open(bucket.url)
        with pytest.raises(Refused, match="another key"):
            await Archive(other, objects, stranger.key, None, actor=ACTOR).bring()
    for count, fault in ((3, "truncation"), (400, "fork")):
        async with await SqliteJournal.open(tmp_path / f"{count}.db", clock=SteppingClock(), origin=ORIGIN) as fork:
            await fork.append([draft(number + 1) for number in range(count)])
            await fork.sign_checkpoint(SIGNER)
            with pytest.raises(JournalRefused) as caught:
                await (await archive_of(fork, bucket)).bring()
            assert caught.value.fault == fault
    assert {name: bucket.get(name) for name in bucket.names()} == before


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE entries SET entry = CAST('{}' AS BLOB) WHERE position = 290", "entry"),
        ("DELETE FROM entries WHERE position = 290", "missing"),
        ("UPDATE documents SET value = CAST('x' AS BLOB)", "document"),
    ],
)
async def test_a_journal_that_was_tampered_with_is_not_archived(
    journal: SqlJournal, bucket: Bucket, tmp_path: Path, statement: str, fault: str
) -> None:
    SqlitePlace(tmp_path / "archived.db").tamper(statement)
    with pytest.raises(JournalRefused) as caught:
        await (await archive_of(journal, bucket)).bring()
    assert caught.value.fault == fault
    assert "checkpoint" not in bucket.names()


async def test_an_object_that_is_not_what_the_journal_has_stops_the_archive(
    journal: SqlJournal, bucket: Bucket
) -> None:
    await S3Objects.open(bucket.url)
    bucket.put("tile/0/000", b"squatted")
    with pytest.raises(JournalRefused) as caught:
        await (await archive_of(journal, bucket)).bring()
    assert (caught.value.fault, caught.value.place) == ("tile", "tile/0/000")
    assert "checkpoint" not in bucket.names()


async def test_a_journal_that_was_never_signed_is_not_archived(bucket: Bucket, tmp_path: Path) -> None:
    async with await SqliteJournal.open(tmp_path / "j.db", clock=SteppingClock(), origin=ORIGIN) as journal:
        with pytest.raises(JournalRefused, match="never signed"):
            await (await archive_of(journal, bucket)).bring()

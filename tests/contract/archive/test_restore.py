"""A journal archived to a real S3 server and restored from the archive alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyrage import x25519

from tests.contract.archive.bucket import ORIGIN, SIGNER, Bucket, archive_of, fetch, refusal, same
from tests.contract.places import Place
from versiqiid.adapters.age import Opener, Sealer
from versiqiid.adapters.s3 import S3Objects
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.engine.archive_restore import mirror
from versiqiid.engine.audit import verify_journal
from versiqiid.errors import InvalidSetting, Refused
from versiqiid.ports import Query
from versiqiid.testing.journal_tools import SteppingClock, about, draft

pytestmark = [pytest.mark.anyio, pytest.mark.s3]


async def test_a_restored_journal_is_the_same_and_goes_on(
    journal: SqlJournal, bucket: Bucket, identity: Path, place: Place
) -> None:
    done = await (await archive_of(journal, bucket)).bring()
    assert (done.size, done.before, done.documents) == (300, 0, 9)
    async with await place.open(ORIGIN) as other:
        verified = await fetch(bucket, other, identity)
        assert (verified.size, verified.compared) == (300, 1)
        await same(journal, other)
        assert await other.next_epoch() == 2
        assert await other.outbox_position("kafka:versiqii") == 123
        (stored,) = await other.append([about("k9", 70, b"later")])
        assert (stored.position, stored.stream_revision) == (300, 2)
        await other.sign_checkpoint(SIGNER)
        assert (await verify_journal(other, [SIGNER.key], key_given=True)).signed_size == 301


async def test_an_archive_is_extended_and_every_step_can_be_restored(
    journal: SqlJournal, bucket: Bucket, identity: Path, tmp_path: Path
) -> None:
    """Through partial tiles, a completed one, and a run with nothing new; taking facts away is a fact once."""
    archive = await archive_of(journal, bucket)
    assert (await archive.bring()).size == 300
    assert [e.type for e in await journal.read(Query(start=300))] == ["CheckpointSigned"]
    assert (await archive.bring()).before == 300
    before = bucket.names()
    await journal.sign_checkpoint(SIGNER)
    assert (await archive.bring()).size == 301  # only the fact that it was archived: that is no fact again
    assert await journal.size() == 301
    for count in (3, 208, 0, 30):
        await journal.append([draft(number, documents=(b"%d" % number,)) for number in range(count)])
        await journal.sign_checkpoint(SIGNER)
        await archive.bring()
        async with await SqliteJournal.open(tmp_path / f"r{count}.db", clock=SteppingClock(), origin=ORIGIN) as other:
            await fetch(bucket, other, identity)
            await same(journal, other)
    assert set(before) <= set(bucket.names())
    again = await archive_of(journal, bucket)  # a process that remembers nothing
    assert (await again.bring()).documents == 0


async def test_the_archive_is_a_log_in_the_public_format(journal: SqlJournal, bucket: Bucket, tmp_path: Path) -> None:
    await (await archive_of(journal, bucket, sealed=False)).bring()
    names = sorted(bucket.names())
    assert names == [
        "checkpoint",
        "checkpoints/00000000000000000300",
        "log.vkey",
        "state/00000000000000000300.json",
        *(f"tile/0/{name}" for name in ("000", "001.p/44")),
        "tile/1/000.p/1",
        *(f"tile/entries/{name}" for name in ("000", "001.p/44")),
    ]
    assert json.loads(bucket.get("state/00000000000000000300.json")) == {"epoch": 1, "outbox": {"kafka:versiqii": 123}}
    assert bucket.get("log.vkey").decode() == f"{SIGNER.vkey}\n"
    objects = await S3Objects.open(bucket.url)
    found = await mirror(objects, tmp_path / "copy", [], documents=False)
    assert (found.verified.size, found.verified.key_given) == (300, False)


async def test_no_document_leaves_in_the_clear_and_only_its_identity_opens_it(
    journal: SqlJournal, bucket: Bucket, tmp_path: Path
) -> None:
    await journal.append([draft(1, documents=(b"needle-in-a-document",))])
    await (await archive_of(journal, bucket)).bring()
    assert not any(b"needle-in-a-document" in bucket.get(name) for name in bucket.names())
    stranger = tmp_path / "stranger.txt"
    stranger.write_text(f"{x25519.Identity.generate()}\n")
    assert (await refusal(bucket, tmp_path, stranger))[0] == "sealed"


async def test_without_documents_the_log_alone_is_restored(
    journal: SqlJournal, bucket: Bucket, identity: Path, tmp_path: Path
) -> None:
    await (await archive_of(journal, bucket, sealed=False)).bring()
    async with await SqliteJournal.open(tmp_path / "r.db", clock=SteppingClock(), origin=ORIGIN) as other:
        await fetch(bucket, other, None)
        assert await other.keys() == await journal.keys()
        assert await other.document_names() == ()
    fault, place = await refusal(bucket, tmp_path, identity)
    assert fault == "document"
    assert place.startswith("sha256:")


async def test_only_an_empty_journal_is_filled(journal: SqlJournal, bucket: Bucket, identity: Path) -> None:
    await (await archive_of(journal, bucket)).bring()
    with pytest.raises(Refused, match="not empty"):
        await fetch(bucket, journal, identity)


@pytest.mark.parametrize("recipients", [[], ["age1nope"], ["AGE-SECRET-KEY-1XYZ"]])
def test_what_is_no_recipient_is_refused(recipients: list[str]) -> None:
    with pytest.raises(InvalidSetting, match="archive-recipient"):
        Sealer(recipients)


@pytest.mark.parametrize("content", ["", "# nothing\n", "AGE-SECRET-KEY-1SECRETSECRET\n", "é"])
def test_what_is_no_identity_is_refused_and_never_quoted(tmp_path: Path, content: str) -> None:
    file = tmp_path / "identity"
    file.write_text(content)
    with pytest.raises(InvalidSetting) as caught:
        Opener(file)
    assert "SECRETSECRET" not in str(caught.value)
    with pytest.raises(InvalidSetting):
        Opener(tmp_path / "none")

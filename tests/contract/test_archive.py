"""A journal archived to a real S3 server and restored from the archive alone; what was changed there is refused."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import boto3
import pytest
from pyrage import x25519

from tests.contract.places import Place, PostgresPlace, SqlitePlace
from tests.services.postgres import Postgres
from tests.services.versitygw import Versitygw
from versiqiid.adapters.age import Opener, Sealer
from versiqiid.adapters.s3 import S3Objects
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.audit import Verified
from versiqiid.core.canonical import digest
from versiqiid.core.note import peek_checkpoint
from versiqiid.engine.archive import Archive, object_of
from versiqiid.engine.archive_restore import mirror, restore
from versiqiid.engine.audit import verify_journal
from versiqiid.errors import Conflict, InvalidSetting, JournalRefused, Refused, Unavailable
from versiqiid.ports import Query
from versiqiid.testing.journal_tools import ACTOR, LocalSigner, SteppingClock, about, draft, everything

pytestmark = [pytest.mark.anyio, pytest.mark.s3]

ORIGIN = "archive.test/log"
SIGNER = LocalSigner(ORIGIN)
IDENTITY = x25519.Identity.generate()
SEALER = Sealer([str(IDENTITY.to_public())])


@dataclass
class Bucket:
    """One bucket, seen as its owner sees it."""

    name: str
    client: Any

    @property
    def url(self) -> str:
        return f"s3://{self.name}/log"

    def names(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [item["Key"].removeprefix("log/") for page in pages for item in page.get("Contents", ())]

    def get(self, name: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=f"log/{name}")["Body"].read())

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"log/{name}", Body=data)

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=f"log/{name}")


@pytest.fixture
def bucket(shared_versitygw: Versitygw, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name, value in shared_versitygw.credentials.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("s3", endpoint_url=shared_versitygw.url)
    made = Bucket(f"b{secrets.token_hex(6)}", client)
    client.create_bucket(Bucket=made.name)
    yield made
    client.close()


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    file = tmp_path / "identity.txt"
    file.write_text(f"# created by a test\n{IDENTITY}\n")
    return file


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqlJournal]:
    """300 entries with documents, keys that came and went, an epoch that no entry tells of, an outbox; signed."""
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock(), origin=ORIGIN) as journal:
        await journal.append([draft(number) for number in range(290)])
        await journal.append([about(f"k{number}", number, b"value %d" % number) for number in range(1, 10)])
        await journal.append([about("k1", 60, None)])
        assert await journal.next_epoch() == 1
        await journal.advance_outbox("kafka:versiqii", 123)
        await journal.sign_checkpoint(SIGNER)
        yield journal


async def archive_of(journal: SqlJournal, bucket: Bucket, *, sealed: bool = True) -> Archive:
    objects = await S3Objects.open(bucket.url)
    return Archive(journal, objects, SIGNER.key, SEALER.seal if sealed else None, actor=ACTOR)


async def fetch(bucket: Bucket, journal: SqlJournal, identity: Path | None, *against: bytes) -> Verified:
    objects = await S3Objects.open(bucket.url)
    with tempfile.TemporaryDirectory() as folder:
        opener = None if identity is None else Opener(identity).open
        found = await mirror(objects, Path(folder), [SIGNER.key], against=against, documents=opener is not None)
        return await restore(journal, found, opener)


async def refusal(bucket: Bucket, tmp_path: Path, identity: Path, *against: bytes) -> tuple[str, str]:
    """Why a restore is refused; the journal that it was to go to is then as it was."""
    path = tmp_path / f"{secrets.token_hex(4)}.db"
    async with await SqliteJournal.open(path, clock=SteppingClock(), origin=ORIGIN) as other:
        with pytest.raises(JournalRefused) as caught:
            await fetch(bucket, other, identity, *against)
        assert await other.size() == 0
        assert await other.document_names() == ()
        assert await other.checkpoint() is None
    return caught.value.fault, caught.value.place


# -------------------------------------------------------------------------------------------------- there and back


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where to restore to."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path / "restored.db")
    server: Postgres = request.getfixturevalue("shared_postgres")
    return PostgresPlace(server.create_database())


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


async def same(one: SqlJournal, other: SqlJournal) -> None:
    """Everything that a reader can see, up to what was archived."""
    size = await other.size()
    assert list(await one.read(Query(before=size, limit=10_000))) == await everything(other)
    assert await one.keys() == await other.keys()
    assert await one.documents(limit=1000) == await other.documents(limit=1000)
    assert (await one.checkpoints())[: len(await other.checkpoints())] == await other.checkpoints()
    assert (await other.rebuild()).size == size


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


# ---------------------------------------------------------------------------------------------- crashes and races


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


# ----------------------------------------------------------------------------------------------------- tampering


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
    SqlitePlace(tmp_path / "journal.db").tamper(statement)
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


# ------------------------------------------------------------------------------------------------------ sealing


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

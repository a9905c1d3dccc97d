"""Documents that are only history are let go of, nothing else is, and every proof and guard is as before."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import anyio
import boto3
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import x25519

from tests.contract.places import PASSWORD, SERVICE, Place, PostgresPlace, SqlitePlace
from tests.services.postgres import Postgres
from tests.services.versitygw import Versitygw
from versiqiid.adapters.age import Sealer
from versiqiid.adapters.postgres.init import init_journal
from versiqiid.adapters.postgres.journal import PostgresJournal
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.s3 import S3Objects
from versiqiid.adapters.sql import retention
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.core.canonical import digest
from versiqiid.core.times import rfc3339
from versiqiid.engine.archive import Archive
from versiqiid.engine.audit import prove, verify_journal
from versiqiid.engine.retention import AGAIN_S, DAY_S, Retention, RetentionDuty
from versiqiid.errors import Unavailable
from versiqiid.ports import Draft
from versiqiid.testing.journal_tools import ACTOR, LocalSigner, SteppingClock, about, draft, everything, intent

pytestmark = [pytest.mark.anyio, pytest.mark.s3]

FOREVER = "2100-01-01T00:00:00.000000Z"
SEALER = Sealer([str(x25519.Identity.generate().to_public())])


def effective(name: str, value: bytes) -> Draft:
    told = {"effectiveDigest": digest(value)}
    return draft(0, type="EffectiveApplied", stream=f"binding/{name}", data=told, documents=(value,))


def stamped(value: bytes) -> Draft:
    return draft(0, type="CheckpointTimestamped", stream="s", data={"stamp": digest(value)}, documents=(value,))


def fact(count: int) -> Draft:
    return draft(0, type="DocumentsRetired", stream="checkpoint", data={"count": count})


async def fill(journal: SqlJournal, clock: SteppingClock) -> None:
    """Old history, old things that are still needed, and, a thousand seconds later, new things."""
    await journal.append([about("a", 1, b"a old"), about("b", 1, b"b still there"), about("c", 1, b"c again")])
    await journal.append([about("gone", 1, b"gone old"), about("gone", 2, None)])
    await journal.append([effective("x", b"x old"), effective("x", b"x last good"), about("open", 1, b"open old")])
    await journal.append([about("a", 2, b"a newer"), about("c", 2, b"c other"), about("open", 2, b"open newer")])
    await journal.append([stamped(b"first stamp"), stamped(b"second stamp")])
    await journal.intend(intent("open", about("open", 3, b"open old")))
    clock.now += 1000
    await journal.append([about("a", 3, b"a newest"), about("c", 3, b"c again"), about("d", 1, b"d")])
    await journal.sign_checkpoint(LocalSigner(journal.origin))


HISTORY = {b"a old", b"a newer", b"c other", b"gone old", b"x old"}
"""What no key holds now, no newer entry speaks of, no stream ends with, no stamp is, and nothing under way needs."""


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def journal(place: Place, clock: SteppingClock) -> AsyncIterator[SqlJournal]:
    async with await place.open(clock=clock) as journal:
        yield journal


@pytest.fixture
async def archive(journal: SqlJournal, shared_versitygw: Versitygw, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """The archive of the journal, empty, in a bucket of its own."""
    for name, value in shared_versitygw.credentials.items():
        monkeypatch.setenv(name, value)
    bucket = f"b{secrets.token_hex(6)}"
    client = boto3.session.Session().client("s3", endpoint_url=shared_versitygw.url)
    client.create_bucket(Bucket=bucket)
    client.close()
    objects = await S3Objects.open(f"s3://{bucket}/log")
    return Archive(journal, objects, LocalSigner(journal.origin).key, SEALER.seal, actor=ACTOR)


async def test_only_history_goes_and_every_proof_stays(
    place: Place, journal: SqlJournal, archive: Archive, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when every page and batch is as small as can be."""
    monkeypatch.setattr(retention, "_PAGE", 2)
    monkeypatch.setattr(retention, "_CANDIDATES_MAX", 1)
    await fill(journal, clock)
    await archive.bring()
    kept, entries, receipt = (
        dict(await journal.documents(limit=1000)),
        await everything(journal),
        await prove(journal, 0),
    )
    retaining = Retention(journal, 500 / DAY_S, ACTOR, clock)
    assert await retaining.run(archive) == len(HISTORY)

    async def as_before(journal: SqlJournal) -> None:
        left = dict(await journal.documents(limit=1000))
        assert {value for name, value in kept.items() if name not in left} == HISTORY
        now = await everything(journal)
        assert now[: len(entries)] == entries
        told = [json.loads(entry.entry)["data"] for entry in now if entry.type == "DocumentsRetired"]
        assert sum(data["count"] for data in told) == len(HISTORY)
        assert {data["archive"] for data in told} == {archive.place}
        assert {data["before"] for data in told} == {rfc3339(clock.now - 500)}
        assert await prove(journal, 0) == receipt
        found = await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
        assert (found.size, found.guards_missing) == (len(now), ())
        assert (await journal.rebuild()).size == len(now)
        assert [one.drafts[0].documents for one in await journal.open_intents()] == [(b"open old",)]

    await as_before(journal)
    assert await retaining.run(archive) == 0
    async with await place.open(clock=clock) as again:
        await as_before(again)


async def test_what_the_archive_does_not_hold_stays(
    journal: SqlJournal, archive: Archive, clock: SteppingClock
) -> None:
    await journal.append([about("a", 1, b"archived"), about("a", 2, b"now")])
    await journal.sign_checkpoint(LocalSigner(journal.origin))
    await archive.bring()
    await journal.append([about("a", 3, b"not archived"), about("a", 4, b"newest")])
    assert await Retention(journal, 0, ACTOR, lambda: clock.now + 1).run(archive) == 2
    assert await journal.document(digest(b"archived")) is None
    assert await journal.document(digest(b"not archived")) == b"not archived"


async def test_what_is_spoken_of_again_since_the_look_is_spared(journal: SqlJournal) -> None:
    await journal.append(
        [about("a", 1, b"one"), about("a", 2, b"two"), about("a", 3, b"three"), about("a", 4, b"four")]
    )
    old = await journal.only_history(FOREVER)
    assert old.digests == {digest(b"one"), digest(b"two"), digest(b"three")}
    await journal.append([about("b", 1, b"one")])
    await journal.intend(intent("x", about("c", 1, b"two")))
    assert await journal.let_go(old, fact, FOREVER, 10) == 1
    assert [await journal.document(digest(value)) for value in (b"one", b"two", b"three")] == [b"one", b"two", None]
    assert await journal.let_go(old, fact, FOREVER, 10) == 0
    assert [entry.type for entry in await everything(journal)].count("DocumentsRetired") == 1


async def test_a_batch_that_breaks_off_changes_nothing(journal: SqlJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a crash would: documents, guards and the fact are one commit."""
    await journal.append([about("a", 1, b"one"), about("a", 2, b"two")])
    database = journal._writer._db
    really = database.let_go

    def broken(digests: Sequence[str]) -> None:
        really(digests)
        raise Unavailable("the power is gone")

    monkeypatch.setattr(database, "let_go", broken)
    with pytest.raises(Unavailable):
        await journal.let_go(await journal.only_history(FOREVER), fact, FOREVER, 10)
    assert await journal.document(digest(b"one")) == b"one"
    assert len(await everything(journal)) == 2
    assert await journal.missing_guards() == ()
    monkeypatch.undo()
    assert await journal.let_go(await journal.only_history(FOREVER), fact, FOREVER, 10) == 1


async def test_a_value_that_comes_back_is_kept_anew(journal: SqlJournal) -> None:
    await journal.append([about("a", 1, b"one"), about("a", 2, b"two")])
    assert await journal.let_go(await journal.only_history(FOREVER), fact, FOREVER, 10) == 1
    await journal.append([about("a", 3, b"one")])
    assert await journal.document(digest(b"one")) == b"one"


async def test_appends_go_on_while_documents_go(journal: SqlJournal) -> None:
    """Each batch is a transaction of its own, so an append waits for one at most."""
    await journal.append([about("a", number, b"%d" % number) for number in range(1, 41)])
    old = await journal.only_history(FOREVER)

    async def appending() -> None:
        for number in range(20):
            await journal.append([draft(number)])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(appending)
        while old.digests:
            assert await journal.let_go(old, fact, FOREVER, 5) in (5, 4)
    entries = await everything(journal)
    assert [entry.position for entry in entries] == list(range(40 + 20 + 8)), "39 documents are eight batches"
    assert (await journal.rebuild()).size == len(entries)


STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from("abc"), st.sampled_from([b"1", b"2", b"3", None])), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, page=st.integers(1, 3), candidates=st.integers(1, 3))
def test_what_is_only_history_is_what_a_reader_of_the_entries_would_say(
    steps: list[tuple[int, str, bytes | None]], page: int, candidates: int
) -> None:
    """The oracle reads the entries' text and knows neither pages nor indexes nor projections."""

    async def run() -> None:
        clock = SteppingClock()
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(retention, "_PAGE", page)
            patch.setattr(retention, "_CANDIDATES_MAX", candidates)
            async with await SqlitePlace(Path(folder) / "journal.db").open(clock=clock) as journal:
                for revision, (later, key, value) in enumerate(steps, 1):
                    clock.now += later * 1000
                    await journal.append([about(key, revision, value)])
                entries = await everything(journal)
                for before in {entry.time for entry in entries} | {FOREVER}:
                    old = {name for entry in entries if entry.time < before for name in spoken(entry.entry)}
                    newest = {entry.stream: entry for entry in entries}.values()
                    needed = [entry for entry in entries if entry.time >= before] + list(newest)
                    expected = old - {name for entry in needed for name in spoken(entry.entry)}
                    found: set[str] = set()
                    start: int | None = 0
                    while start is not None:
                        looked = await journal.only_history(before, start)
                        found, start = found | looked.digests, looked.start
                    assert found == expected

    anyio.run(run)


def spoken(entry: bytes) -> set[str]:
    return set(re.findall("sha256:[0-9a-f]{64}", entry.decode()))


# ------------------------------------------------------------------------------------------------------ the duty


async def test_the_duty_runs_once_a_day_and_says_so(
    journal: SqlJournal, archive: Archive, clock: SteppingClock
) -> None:
    metrics = PrometheusMetrics(version="1")
    duty = RetentionDuty(Retention(journal, 365, ACTOR, clock), metrics)
    await journal.append([about("a", 1, b"one"), about("a", 2, b"two")])
    await journal.sign_checkpoint(LocalSigner(journal.origin))
    await archive.bring()
    await duty.when_due(archive)
    assert await journal.document(digest(b"one")) == b"one", "it is not a year old"
    clock.now += 366 * DAY_S
    await duty.when_due(archive)
    assert await journal.document(digest(b"one")) is None
    assert b"versiqii_documents_retired_total 1.0" in metrics.render()[0]
    (line,) = [line for line in metrics.render()[0].splitlines() if line.startswith(b"versiqii_retention_timestamp")]
    assert float(line.split()[1]) == clock.now
    await journal.append([about("a", 3, b"three")])
    await archive.bring()
    clock.now += DAY_S - 1
    await duty.when_due(archive)
    assert await journal.document(digest(b"two")) == b"two"
    assert duty.trouble == ""


# ------------------------------------------------------------------------------------------ PostgreSQL's function


@pytest.fixture
def postgres_place(shared_postgres: Postgres) -> PostgresPlace:
    return PostgresPlace(shared_postgres.create_database())


@pytest.mark.postgres
async def test_the_service_deletes_by_the_function_alone_and_only_what_may_go(postgres_place: PostgresPlace) -> None:
    call = "SELECT versiqii_journal_guard.let_go(ARRAY['{}'])".format
    async with await postgres_place.open() as journal:
        await journal.append([about("a", 1, b"old"), about("a", 2, b"new")])
        with psycopg.connect(postgres_place.url, autocommit=True) as service:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute("DELETE FROM versiqii_journal.documents")
            with pytest.raises(psycopg.errors.IntegrityError, match="save with an entry that says what goes"):
                service.execute(call(digest(b"old")).encode())
            await journal.append([fact(1)])
            with pytest.raises(psycopg.errors.IntegrityError, match="present value of a key"):
                service.execute(call(digest(b"new")).encode())
            service.execute(call(digest(b"old")).encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute("ALTER TABLE versiqii_journal.documents DISABLE TRIGGER ALL")
        assert await journal.document(digest(b"old")) is None
        assert await journal.document(digest(b"new")) == b"new"
        assert await journal.missing_guards() == ()
    with psycopg.connect(postgres_place.admin_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE passer_by; SET ROLE passer_by")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.execute(call(digest(b"new")).encode())
        admin.execute("RESET ROLE; DROP ROLE passer_by")
        for statement in ("DELETE FROM versiqii_journal.documents", "TRUNCATE versiqii_journal.documents"):
            with pytest.raises(psycopg.errors.IntegrityError, match="only grows"):
                admin.execute(statement.encode())


@pytest.mark.postgres
async def test_without_the_function_nothing_is_changed_and_init_makes_it(postgres_place: PostgresPlace) -> None:
    """A journal that was made before there was one, or whose operator wants the service to delete nothing."""
    clock, metrics = SteppingClock(), PrometheusMetrics(version="1")
    with psycopg.connect(postgres_place.admin_url, autocommit=True) as admin:
        admin.execute("DROP FUNCTION versiqii_journal_guard.let_go(text[])")
    async with await postgres_place.open(clock=clock) as journal:
        await journal.append([about("a", 1, b"old"), about("a", 2, b"new")])
        duty = RetentionDuty(Retention(journal, 1, ACTOR, clock), metrics)
        clock.now += 2 * DAY_S
        await duty.when_due(Held({digest(b"old"), digest(b"new")}))  # type: ignore[arg-type]
        assert "versiqii_journal_guard.let_go" in duty.trouble
        assert len(await everything(journal)) == 2
        assert await journal.document(digest(b"old")) == b"old"
        assert init_journal(postgres_place.admin_url, SERVICE) == ()
        clock.now += AGAIN_S
        await duty.when_due(Held({digest(b"old"), digest(b"new")}))  # type: ignore[arg-type]
        assert duty.trouble == ""
        assert await journal.document(digest(b"old")) is None


class Held:
    """An archive that holds these documents."""

    place = "s3://test"

    def __init__(self, names: set[str]) -> None:
        self._names = names

    async def documents(self) -> set[str]:
        return set(self._names)


@pytest.mark.postgres
async def test_an_administrator_who_is_no_superuser_makes_the_function_too(shared_postgres: Postgres) -> None:
    admin_url = shared_postgres.create_database()
    name = admin_url.rpartition("/")[2]
    with psycopg.connect(admin_url, autocommit=True) as superuser:
        superuser.execute("DROP ROLE IF EXISTS keeper")
        superuser.execute("CREATE ROLE keeper LOGIN CREATEROLE PASSWORD 'keeper'")
        superuser.execute(f"GRANT CREATE ON DATABASE {name} TO keeper".encode())
    parts = urlsplit(admin_url)
    keeper = urlunsplit(parts._replace(netloc=f"keeper:keeper@{parts.hostname}:{parts.port}"))
    for _ in range(2):
        missing = init_journal(keeper, SERVICE)
        assert missing == ("event trigger versiqii_journal_ddl", "event trigger versiqii_journal_drop")
    with psycopg.connect(admin_url, autocommit=True) as superuser:
        superuser.execute(f"ALTER ROLE {SERVICE} PASSWORD '{PASSWORD}'".encode())
    url = urlunsplit(parts._replace(netloc=f"{SERVICE}:{PASSWORD}@{parts.hostname}:{parts.port}"))
    async with await PostgresJournal.open(url, clock=SteppingClock()) as journal:
        await journal.append([about("a", 1, b"old"), about("a", 2, b"new")])
        assert await journal.let_go(await journal.only_history(FOREVER), fact, FOREVER, 10) == 1
        assert await journal.document(digest(b"old")) is None
        assert await journal.missing_guards() == missing
    assert init_journal(admin_url, SERVICE) == (), "a superuser makes the rest"
    async with await PostgresJournal.open(url, clock=SteppingClock()) as journal:
        assert await journal.missing_guards() == ()
        await journal.append([about("a", 3, b"newest")])
        assert await journal.let_go(await journal.only_history(FOREVER), fact, FOREVER, 10) == 1
        assert await journal.missing_guards() == ()

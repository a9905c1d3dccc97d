"""Documents that are only history are let go of, nothing else is, and every proof and guard is as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.places import PostgresPlace, SqlitePlace
from tests.services.postgres import Postgres
from versiqiid.adapters.postgres.retention import let_go as let_go_of_postgres
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.sqlite.retention import let_go
from versiqiid.core.canonical import digest
from versiqiid.core.times import rfc3339
from versiqiid.engine.audit import prove, verify_journal
from versiqiid.errors import Forbidden, Unavailable
from versiqiid.ports import Draft
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, about, draft, everything, intent

pytestmark = pytest.mark.anyio


def effective(name: str, value: bytes) -> Draft:
    told = {"effectiveDigest": digest(value)}
    return draft(0, type="EffectiveApplied", stream=f"binding/{name}", data=told, documents=(value,))


async def fill(journal: SqlJournal, clock: SteppingClock) -> str:
    """Old history, old things that are still needed, and new things; the time between."""
    await journal.append([about("a", 1, b"a old"), about("b", 1, b"b still there"), about("c", 1, b"c again")])
    await journal.append([about("gone", 1, b"gone old"), about("gone", 2, None)])
    await journal.append([effective("x", b"x old"), effective("x", b"x last good"), about("open", 1, b"open old")])
    await journal.append([about("a", 2, b"a newer"), about("c", 2, b"c other"), about("open", 2, b"open newer")])
    await journal.intend(intent("open", about("open", 3, b"open old")))
    clock.now += 1000
    await journal.append([about("a", 3, b"a newest"), about("c", 3, b"c again"), about("d", 1, b"d")])
    await journal.sign_checkpoint(LocalSigner(journal.origin))
    return rfc3339(clock.now - 500)


HISTORY = {b"a old", b"a newer", b"c other", b"gone old", b"x old"}
"""What no key holds now, no entry since then speaks of, no stream ends with, and nothing under way needs."""


async def test_only_history_goes_and_every_proof_stays(tmp_path: Path) -> None:
    clock, place = SteppingClock(), SqlitePlace(tmp_path / "journal.db")
    async with await SqliteJournal.open(place.path, clock=clock) as journal:
        before = await fill(journal, clock)
        kept = dict(await journal.documents(limit=1000))
        entries, receipt = await everything(journal), await prove(journal, 0)
        names = await journal.only_history(before)
        assert {kept[name] for name in names} == HISTORY
        assert await journal.only_history("2000-01-01T00:00:00.000000Z") == ()
    let_go(place.path, names)
    async with await SqliteJournal.open(place.path, clock=clock) as journal:
        assert dict(await journal.documents(limit=1000)) == {n: v for n, v in kept.items() if n not in names}
        assert await everything(journal) == entries
        assert await prove(journal, 0) == receipt
        found = await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
        assert (found.size, found.guards_missing) == (len(entries), ())
        assert (await journal.rebuild()).size == len(entries)
        assert [one.drafts[0].documents for one in await journal.open_intents()] == [(b"open old",)]
        assert await journal.only_history(before) == ()


@pytest.mark.postgres
async def test_only_a_superuser_lets_go_of_what_is_in_postgresql(shared_postgres: Postgres) -> None:
    place = PostgresPlace(shared_postgres.create_database())
    async with await place.open() as journal:
        await journal.append([about("a", 1, b"old"), about("a", 2, b"new")])
        await journal.sign_checkpoint(LocalSigner(journal.origin))
        assert await journal.only_history("2100-01-01T00:00:00.000000Z") == (digest(b"old"),)
        with pytest.raises((Forbidden, Unavailable)):
            let_go_of_postgres(place.url, (digest(b"old"),))
        assert await journal.document(digest(b"old")) == b"old"
        let_go_of_postgres(place.admin_url, (digest(b"old"),))
        assert await journal.document(digest(b"old")) is None
        assert await journal.document(digest(b"new")) == b"new"
        found = await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
        assert found.guards_missing == ()

"""The journal contract on a real PostgreSQL, and what is PostgreSQL's own: roles, guards, lost connections."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest

from tests.contract.places import as_role
from tests.services.postgres import Postgres
from versiqiid.adapters.postgres.attack import CHANGES, DDL
from versiqiid.adapters.postgres.init import init_journal
from versiqiid.adapters.postgres.journal import PostgresJournal
from versiqiid.engine.audit import verify_journal
from versiqiid.errors import Forbidden, InvalidSetting, JournalRefused, Refused, Unavailable
from versiqiid.testing.journal_contract import JournalContract
from versiqiid.testing.journal_tools import (
    LocalSigner,
    SteppingClock,
    about,
    draft,
    everything,
)

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

SERVICE = "versiqii_service"
PASSWORD = "service"
SCHEMA = "versiqii_journal"


@contextmanager
def admin(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET search_path = {SCHEMA}")
        yield connection


def ready(url: str) -> str:
    """Make the journal in this database; the service's URL."""
    assert init_journal(url, SERVICE) == ()
    with admin(url) as connection:
        connection.execute(f"ALTER ROLE {SERVICE} PASSWORD '{PASSWORD}'")
    return as_role(url, SERVICE, PASSWORD)


@pytest.fixture
def admin_url(shared_postgres: Postgres) -> str:
    return shared_postgres.create_database()


@pytest.fixture
def url(admin_url: str) -> str:
    return ready(admin_url)


@pytest.fixture
async def journal(url: str) -> AsyncIterator[PostgresJournal]:
    async with await PostgresJournal.open(url, clock=SteppingClock()) as journal:
        yield journal


class TestPostgresJournal(JournalContract):
    @pytest.fixture
    async def journal(self, url: str, clock: SteppingClock) -> AsyncIterator[PostgresJournal]:
        async with await PostgresJournal.open(url, clock=clock) as journal:
            yield journal

    @pytest.fixture
    async def another(self, url: str, journal: PostgresJournal, clock: SteppingClock) -> AsyncIterator[PostgresJournal]:
        async with await PostgresJournal.open(url, clock=clock, origin=journal.origin) as another:
            yield another


# --------------------------------------------------------------------------------------------------------- append-only


def content(connection: psycopg.Connection[tuple[object, ...]]) -> list[object]:
    tables = ("entries", "hashes", "documents", "checkpoints", "meta")
    return [connection.execute(f"SELECT * FROM {SCHEMA}.{table} ORDER BY 1").fetchall() for table in tables]  # noqa: S608


async def fill(journal: PostgresJournal) -> None:
    await journal.append([about("a", 1, b"x"), about("b", 2, b"y")])
    await journal.sign_checkpoint(LocalSigner(journal.origin))


async def test_the_service_may_only_add(journal: PostgresJournal, url: str, admin_url: str) -> None:
    await fill(journal)
    with admin(admin_url) as eyes, admin(url) as service:
        before = content(eyes)
        for statement in CHANGES:
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.IntegrityConstraintViolation)):
                service.execute(statement)
        for statement in (*DDL, "SET session_replication_role = replica", "SET ROLE versiqii_journal_owner"):
            with pytest.raises(psycopg.Error):
                service.execute(statement)
        assert content(eyes) == before


@pytest.mark.parametrize("replica", [False, True])
async def test_a_superuser_is_stopped_by_the_guards_also_as_a_replica(
    journal: PostgresJournal, admin_url: str, *, replica: bool
) -> None:
    await fill(journal)
    with admin(admin_url) as connection:
        if replica:
            connection.execute("SET session_replication_role = replica")
        before = content(connection)
        for statement in CHANGES:
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="only grows"):
                connection.execute(statement)
        for statement in DDL:
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="only grows"):
                connection.execute(statement)
        assert content(connection) == before
    await journal.append([draft()])


async def test_other_tables_of_the_database_are_nobody_elses_business(journal: PostgresJournal, admin_url: str) -> None:
    assert await journal.size() == 0
    with admin(admin_url) as connection:
        connection.execute("CREATE TABLE public.entries (x int); ALTER TABLE public.entries ADD y int")
        connection.execute("CREATE RULE r AS ON INSERT TO public.entries DO INSTEAD NOTHING")
        connection.execute("DROP TABLE public.entries")


GUARDS_OFF = "ALTER EVENT TRIGGER versiqii_journal_ddl DISABLE; ALTER EVENT TRIGGER versiqii_journal_drop DISABLE;"


async def test_an_append_that_a_rule_swallows_fails(journal: PostgresJournal, admin_url: str) -> None:
    await fill(journal)
    with admin(admin_url) as connection:
        connection.execute(GUARDS_OFF + "CREATE RULE r AS ON INSERT TO entries DO INSTEAD NOTHING")
    with pytest.raises(Refused):
        await journal.append([draft()])
    assert await journal.size() == 2


async def test_a_trigger_that_swallows_an_append_is_noticed(journal: PostgresJournal, admin_url: str) -> None:
    await fill(journal)
    with admin(admin_url) as connection:
        connection.execute(
            GUARDS_OFF
            + "CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER a BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION public.swallow()"
        )
    with pytest.raises(Refused):
        await journal.append([draft()])
    assert await journal.size() == 2


async def test_a_temporary_table_stands_in_for_nothing(journal: PostgresJournal, admin_url: str) -> None:
    with admin(admin_url) as connection:
        connection.execute("CREATE TEMP TABLE entries (LIKE versiqii_journal.entries)")
        await journal.append([draft()])
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute("INSERT INTO versiqii_journal.entries SELECT * FROM versiqii_journal.entries")


async def test_durability_is_asked_for_in_every_transaction(url: str, admin_url: str) -> None:
    with admin(admin_url) as connection:
        connection.execute(f"ALTER ROLE {SERVICE} SET synchronous_commit = off")
        try:
            async with await PostgresJournal.open(url, clock=time.time) as journal:
                db = journal._writer._db
                assert db.query("SHOW synchronous_commit") == [("off",)]
                db.begin()
                assert db.query("SHOW synchronous_commit") == [("on",)]
                db.rollback()
        finally:
            connection.execute(f"ALTER ROLE {SERVICE} RESET synchronous_commit")


# -------------------------------------------------------------------------------------------------------------- guards


MISSING: tuple[tuple[str, str], ...] = (
    ("ALTER TABLE entries DISABLE TRIGGER entries_change", "trigger entries_change"),
    ("ALTER TABLE entries ENABLE TRIGGER entries_change", "trigger entries_change"),
    ("DROP TRIGGER hashes_truncate ON hashes", "trigger hashes_truncate"),
    (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "function refuse_change",
    ),
    ("CREATE RULE r AS ON DELETE TO entries DO INSTEAD NOTHING", "no rule such as r on entries"),
    (
        "CREATE TRIGGER t BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "no foreign trigger such as t on entries",
    ),
    (
        "CREATE TABLE public.heir (LIKE entries); ALTER TABLE public.heir INHERIT entries",
        "no child such as public.heir of entries",
    ),
    ("ALTER TABLE entries OWNER TO CURRENT_USER", "table entries owned by versiqii_journal_owner"),
    (f"GRANT UPDATE ON entries TO {SERVICE}", "no UPDATE on entries for the service role"),
    (f"REVOKE INSERT ON entries FROM {SERVICE}", "INSERT on entries for the service role"),
)


async def test_a_missing_guard_is_named_and_the_service_does_not_start(shared_postgres: Postgres) -> None:
    for statement, name in MISSING:
        admin_url = shared_postgres.create_database()
        url = ready(admin_url)
        async with await PostgresJournal.open(url, clock=time.time) as journal:
            assert await journal.missing_guards() == ()
            with admin(admin_url) as connection:
                connection.execute(GUARDS_OFF + statement)
            missing = await journal.missing_guards()
            assert missing == (name, "event trigger versiqii_journal_ddl", "event trigger versiqii_journal_drop")
        with pytest.raises(JournalRefused) as caught:
            await PostgresJournal.open(url, clock=time.time)
        assert caught.value.fault == "guard"
        assert name in str(caught.value)


async def test_an_owner_that_may_log_in_is_named(url: str, admin_url: str) -> None:
    with admin(admin_url) as connection:
        connection.execute("ALTER ROLE versiqii_journal_owner LOGIN")
        try:
            with pytest.raises(JournalRefused, match="role versiqii_journal_owner without login"):
                await PostgresJournal.open(url, clock=time.time)
        finally:
            connection.execute("ALTER ROLE versiqii_journal_owner NOLOGIN")


async def test_a_superuser_is_no_service(admin_url: str) -> None:
    init_journal(admin_url, SERVICE)
    with pytest.raises(JournalRefused, match="no superuser"):
        await PostgresJournal.open(admin_url, clock=time.time)


async def test_missing_event_triggers_are_named_but_do_not_stop_the_service(url: str, admin_url: str) -> None:
    with admin(admin_url) as connection:
        connection.execute(GUARDS_OFF)
    async with await PostgresJournal.open(url, clock=time.time) as journal:
        await fill(journal)
        found = await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
    assert found.guards_missing == ("event trigger versiqii_journal_ddl", "event trigger versiqii_journal_drop")


# ---------------------------------------------------------------------------------------------------------------- init


def test_init_without_a_superuser_says_what_it_could_not_make(shared_postgres: Postgres) -> None:
    admin_url = shared_postgres.create_database()
    name = "plain_" + urlsplit(admin_url).path.removeprefix("/test_")
    with admin(admin_url) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'plain'")
        connection.execute(f"GRANT CREATE ON DATABASE {urlsplit(admin_url).path[1:]} TO {name}")
    missing = init_journal(as_role(admin_url, name, "plain"), SERVICE)
    assert missing == ("event trigger versiqii_journal_ddl", "event trigger versiqii_journal_drop")
    with admin(admin_url) as connection:
        found = connection.execute("SELECT pg_has_role(%s, 'versiqii_journal_owner', 'MEMBER')", [name]).fetchone()
    assert found == (False,)


async def test_init_again_changes_nothing_and_lets_another_role_in(journal: PostgresJournal, admin_url: str) -> None:
    await fill(journal)
    with admin(admin_url) as connection:
        before = content(connection)
        assert init_journal(admin_url, SERVICE) == ()
        assert init_journal(admin_url, "versiqii_second") == ()
        assert content(connection) == before
        connection.execute(f"ALTER ROLE versiqii_second PASSWORD '{PASSWORD}'")
    second = as_role(admin_url, "versiqii_second", PASSWORD)
    async with await PostgresJournal.open(second, clock=time.time) as other:
        assert other.origin == journal.origin
        assert len(await everything(other)) == 2


def test_init_over_something_else_is_refused_by_what_it_lacks(admin_url: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}; CREATE TABLE {SCHEMA}.entries (x int)")
    with pytest.raises(Refused, match=r"lacks .*table entries owned by"):
        init_journal(admin_url, SERVICE)


@pytest.mark.parametrize("role", ["", "Upper", "a b", 'a"; DROP', "versiqii_journal_owner", "x" * 64])
def test_a_role_name_that_cannot_be_is_refused(role: str) -> None:
    with pytest.raises(InvalidSetting, match="service role"):
        init_journal("postgresql://nobody@127.0.0.1:1/none", role)


# ------------------------------------------------------------------------------------------------------------- opening


async def test_a_database_without_tables_is_refused_with_the_command_that_makes_them(admin_url: str) -> None:
    with pytest.raises(JournalRefused) as caught:
        await PostgresJournal.open(admin_url, clock=time.time)
    assert caught.value.fault == "missing"
    assert "versiqiid journal init" in caught.value.hint


async def test_looking_names_no_journal(url: str) -> None:
    with pytest.raises(JournalRefused) as caught:
        await PostgresJournal.open(url, clock=time.time, create=False)
    assert caught.value.fault == "missing"
    async with await PostgresJournal.open(url, clock=time.time, origin="a.log") as journal:
        assert journal.origin == "a.log"
    async with await PostgresJournal.open(url, clock=time.time, create=False) as journal:
        assert journal.origin == "a.log"
    with pytest.raises(JournalRefused) as caught:
        await PostgresJournal.open(url, clock=time.time, origin="b.log")
    assert caught.value.fault == "origin"


async def test_processes_that_start_at_once_agree_on_a_name(url: str) -> None:
    origins: set[str] = set()

    async def work() -> None:
        async with await PostgresJournal.open(url, clock=time.time) as journal:
            origins.add(journal.origin)

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(work)
    assert len(origins) == 1


async def test_no_error_shows_a_password(url: str) -> None:
    wrong = as_role(url, SERVICE, "s3cret-wrong")
    with pytest.raises((Forbidden, Unavailable)) as caught:
        await PostgresJournal.open(wrong, clock=time.time)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(InvalidSetting) as refused:
        await PostgresJournal.open("postgresql://a:s3cret@[", clock=time.time)
    assert "s3cret" not in str(refused.value)


# -------------------------------------------------------------------------------------------------------------- faults


async def test_a_lost_connection_is_unavailable_once_and_then_made_again(
    journal: PostgresJournal, admin_url: str
) -> None:
    await journal.append([draft()])
    assert await journal.size() == 1
    with admin(admin_url) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [SERVICE])
    uses: tuple[Callable[[], object], ...] = (lambda: journal.append([draft()]), journal.size)
    for use in uses:
        with pytest.raises(Unavailable):
            await use()  # type: ignore[misc]
    await journal.append([draft()])
    assert await journal.size() == 2


async def test_a_server_that_crashes_loses_nothing_acknowledged(postgres: Postgres) -> None:
    url = ready(postgres.url)
    async with await PostgresJournal.open(url, clock=time.time) as journal:
        acknowledged = [await journal.append([draft(number)]) for number in range(20)]
        postgres.kill()
        with pytest.raises(Unavailable):
            await journal.append([draft(99)])
        postgres.restart()
        entries = await everything(journal)
        assert entries[:20] == [stored for (stored,) in acknowledged]
        (stored,) = await journal.append([draft(20)])
        assert stored.position == len(entries)

"""Figures of the journal: appends with full durability, verification, proofs. Never assertions.

``VERSIQII_BENCH_ENTRIES`` sets the size of the journal that is verified (default 100,000).
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import anyio
import psycopg

from tests.services.finder import MissingServiceError
from tests.services.postgres import Postgres
from versiqiid.adapters.postgres.init import init_journal
from versiqiid.adapters.postgres.journal import PostgresJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.canonical import digest
from versiqiid.engine.audit import prove, verify_journal
from versiqiid.engine.audit_directory import prove_from_directory, verify_large_directory
from versiqiid.engine.audit_export import export
from versiqiid.ports import Actor, Draft, Journal, Observed
from versiqiid.testing.journal_tools import LocalSigner

Row = tuple[str, float, str]
ACTOR = Actor("daemon", "versiqiid", "kv")
SINGLE, TASKS, EACH, PAGE = 500, 64, 100, 1000


def change(number: int) -> Draft:
    """A config change as the daemon records it, with a document of 2 kB."""
    document = (b"%d " % number) * (2000 // len(b"%d " % number))
    key = f"configs/scan-engine/2.0.0/c{number % 1000}"
    return Draft(
        type="ConfigRevised",
        stream=f"config/scan-engine/2.0.0/c{number % 1000}",
        data={"key": key, "revision": number + 1, "digest": digest(document), "target": "scan-engine"},
        actor=ACTOR,
        correlation_id=f"c-{number:032x}",
        consul={"index": number + 1, "key": f"versiqii/{key}"},
        observed=Observed(key, number + 1, digest(document)),
        documents=(document,),
    )


async def _appends(journal: Journal, title: str) -> list[Row]:
    start = time.perf_counter()
    for number in range(SINGLE):
        await journal.append([change(number)])
    single = SINGLE / (time.perf_counter() - start)

    async def work(first: int) -> None:
        for number in range(first, first + EACH):
            await journal.append([change(number)])

    start = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for task in range(TASKS):
            tasks.start_soon(work, SINGLE + task * EACH)
    many = TASKS * EACH / (time.perf_counter() - start)
    return [
        (f"journal {title}: durable appends, one task", single, "1/s"),
        (f"journal {title}: durable appends, {TASKS} tasks", many, "1/s"),
    ]


async def _sqlite(folder: Path) -> list[Row]:
    async with await SqliteJournal.open(folder / "appends.db", clock=time.time) as journal:
        return await _appends(journal, "sqlite")


async def _postgres(server: Postgres) -> list[Row]:
    init_journal(server.url, "versiqii_service")
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("ALTER ROLE versiqii_service PASSWORD 'bench'")
    url = f"postgresql://versiqii_service:bench@{server.address}/versiqii"
    async with await PostgresJournal.open(url, clock=time.time) as journal:
        return await _appends(journal, "postgres")


def _with_postgres() -> list[Row]:
    try:
        server = Postgres()
    except MissingServiceError:
        return []
    with server:
        return anyio.run(_postgres, server)


async def _audit(folder: Path, size: int) -> list[Row]:
    rows: list[Row] = []

    def took(name: str, start: float, unit: str = "s", factor: float = 1) -> None:
        rows.append((f"journal sqlite, {size:,} entries: {name}", (time.perf_counter() - start) * factor, unit))

    async with await SqliteJournal.open(folder / "audit.db", clock=time.time) as journal:
        signer = LocalSigner(journal.origin)
        for first in range(0, size, PAGE):
            await journal.append([_small(number) for number in range(first, min(first + PAGE, size))])
        start = time.perf_counter()
        await journal.sign_checkpoint(signer)
        took("first checkpoint", start)
        start = time.perf_counter()
        await verify_journal(journal, [signer.key], key_given=True)
        took("verify the journal", start)
        start = time.perf_counter()
        for position in range(0, size, size // 100):
            await prove(journal, position)
        took("prove one entry", start, "ms", 10)
        start = time.perf_counter()
        await export(journal, signer, folder / "export", actor=ACTOR, correlation_id="bench")
        took("export", start)
    start = time.perf_counter()
    await verify_large_directory(folder / "export", [signer.key])
    took("verify the export", start)
    start = time.perf_counter()
    for position in range(0, size, size // 100):
        prove_from_directory(folder / "export", position)
    took("prove one entry from the export", start, "ms", 10)
    return rows


def _small(number: int) -> Draft:
    return Draft(
        type="EffectiveApplied",
        stream=f"binding/prod/r{number % 100}/scan-engine/c{number % 1000}",
        data={
            "binding": f"c{number % 1000}",
            "targetVersion": "2.1.3",
            "reason": "",
            "effectiveDigest": digest(b"%d" % number),
        },
        actor=ACTOR,
        correlation_id=f"c-{number:032x}",
    )


def run() -> list[Row]:
    """Name, value and unit of each figure."""
    size = int(os.environ.get("VERSIQII_BENCH_ENTRIES", "100000"))
    with tempfile.TemporaryDirectory(dir=os.environ.get("VERSIQII_BENCH_DIR")) as folder:
        return [*anyio.run(_sqlite, Path(folder)), *_with_postgres(), *anyio.run(_audit, Path(folder), size)]


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:70} {value:12,.2f} {unit}")

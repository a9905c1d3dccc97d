"""A bucket with an archive as its owner sees it, and the ways there and back."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyrage import x25519

from versiqiid.adapters.age import Opener, Sealer
from versiqiid.adapters.s3 import S3Objects
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.audit import Verified
from versiqiid.engine.archive import Archive
from versiqiid.engine.archive_restore import mirror, restore
from versiqiid.errors import JournalRefused
from versiqiid.ports import Query
from versiqiid.testing.journal_tools import ACTOR, LocalSigner, SteppingClock, everything

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


async def same(one: SqlJournal, other: SqlJournal) -> None:
    """Everything that a reader can see, up to what was archived."""
    size = await other.size()
    assert list(await one.read(Query(before=size, limit=10_000))) == await everything(other)
    assert await one.keys() == await other.keys()
    assert await one.documents(limit=1000) == await other.documents(limit=1000)
    assert (await one.checkpoints())[: len(await other.checkpoints())] == await other.checkpoints()
    assert (await other.rebuild()).size == size

"""A journal to be archived, a bucket on a real S3 server, and the identity that opens what is sealed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import boto3
import pytest

from tests.contract.archive.bucket import IDENTITY, ORIGIN, SIGNER, Bucket
from tests.services.versitygw import Versitygw
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.testing.journal_tools import SteppingClock, about, draft


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
    async with await SqliteJournal.open(tmp_path / "archived.db", clock=SteppingClock(), origin=ORIGIN) as journal:
        await journal.append([draft(number) for number in range(290)])
        await journal.append([about(f"k{number}", number, b"value %d" % number) for number in range(1, 10)])
        await journal.append([about("k1", 60, None)])
        assert await journal.next_epoch() == 1
        await journal.advance_outbox("kafka:versiqii", 123)
        await journal.sign_checkpoint(SIGNER)
        yield journal

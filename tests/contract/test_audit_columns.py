"""What lies beside an entry for queries is verified with it: an edited column would make history lie."""

from __future__ import annotations

import pytest

from tests.contract.places import Place
from versiqiid.core import journal as entries
from versiqiid.engine.audit import verify_journal
from versiqiid.errors import JournalRefused
from versiqiid.ports import Observed
from versiqiid.testing.journal_tools import LocalSigner, about, draft, everything

pytestmark = pytest.mark.anyio

EDITS = {
    "time": "'2020-01-01T00:00:00.000000Z'",
    "type": "'Other'",
    "tenant": "'other'",
    "stream": "'other'",
    "stream_revision": "7",
    "correlation_id": "'other'",
    "key": "'other'",
    "key_revision": "8",
    "key_digest": "'sha256:other'",
}
"""Every column but the entry's own bytes and its place."""


async def test_an_edited_column_is_refused(place: Place) -> None:
    for column, value in EDITS.items():
        async with await place.open() as journal:
            if not await journal.size():
                await journal.append([about("a", 1, b"1"), about("b", 1, b"2"), draft(1)])
                await journal.sign_checkpoint(LocalSigner(journal.origin))
        place.tamper(f"UPDATE entries SET {column} = {value} WHERE position = 1")  # noqa: S608 - our own words
        async with await place.open() as journal:
            with pytest.raises(JournalRefused) as caught:
                await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
            assert (caught.value.fault, caught.value.place) == ("column", "position 1"), column
            right = dict(zip(EDITS, columns_of((await everything(journal))[1].entry, 1), strict=True))
        place.tamper(f"UPDATE entries SET {column} = {right[column]!r} WHERE position = 1")  # noqa: S608


def columns_of(entry: bytes, position: int) -> tuple[object, ...]:
    """In the order of the table."""
    time, kind, stream, revision, correlation, tenant, *key = entries.columns(entry, position)
    return (time, kind, tenant, stream, revision, correlation, *key)


async def test_the_columns_of_what_the_store_was_put_back_to_verify(place: Place) -> None:
    """Such a key has a revision of its own beside the entry, and deletions have no digest."""
    async with await place.open() as journal:
        await journal.append([about("a", 1, b"1"), about("a", 2, b"2"), about("a", 3, None)])
        back = about("a", 1, b"1")
        seen = back.observed
        assert seen is not None
        back = draft(0, stream=back.stream, observed=Observed("a", 1, seen.digest, present=True), documents=(b"1",))
        await journal.append([back])
        recorded = await everything(journal)
        assert len(recorded) == 4
        assert entries.columns(recorded[3].entry, 3)[6:] == ("a", -4, seen.digest)
        for one in recorded:
            told = entries.read(one.entry, one.position).observed
            assert told is not None
            assert entries.columns(one.entry, one.position)[6:] == told.columns(one.position)
        await journal.sign_checkpoint(LocalSigner(journal.origin))
        found = await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
        assert found.size == 4

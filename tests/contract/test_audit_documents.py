"""A present value that somebody deleted is told by verification; history that retention took is not missed."""

from __future__ import annotations

import pytest

from tests.contract.places import Place
from versiqiid.core.canonical import digest
from versiqiid.engine.audit import verify_journal
from versiqiid.testing.journal_tools import LocalSigner, about, draft

pytestmark = pytest.mark.anyio

FOREVER = "2100-01-01T00:00:00.000000Z"


async def test_a_present_value_that_is_not_kept_is_told(place: Place) -> None:
    async with await place.open() as journal:
        await journal.append([about("a", 1, b"old"), about("a", 2, b"new"), about("b", 1, b"b"), about("b", 2, None)])
        await journal.let_go(await journal.only_history(FOREVER), lambda _: draft(type="DocumentsRetired"), FOREVER, 9)
        assert await journal.document(digest(b"old")) is None
        await journal.sign_checkpoint(LocalSigner(journal.origin))
        found = await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
        assert found.documents_missing == 0
        assert not any("is not kept" in remark for remark in found.remarks())
    place.tamper(f"DELETE FROM documents WHERE digest = '{digest(b'new')}'")  # noqa: S608 - our own words
    async with await place.open() as journal:
        found = await verify_journal(journal, [LocalSigner(journal.origin).key], key_given=True)
        assert found.documents_missing == 1
        assert any("keys whose present value is not kept: 1" in remark for remark in found.remarks())

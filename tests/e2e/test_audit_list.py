"""All entries of a journal, printed without holding them all."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.processes import run_cli
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.cli import journals, output
from versiqiid.cli.journals import Wanted
from versiqiid.testing.journal_tools import SteppingClock, draft

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
)
COLUMNS = output.Columns(("position",))


@given(st.lists(st.lists(st.dictionaries(st.text(), VALUES), max_size=4), max_size=4))
def test_pages_read_as_one_array(pages: list[list[dict[str, Any]]]) -> None:
    """To the byte as if all of it had been there at once."""
    told, whole = io.StringIO(), io.StringIO()
    with redirect_stdout(told):
        output.show_pages(lambda take: [take(page) for page in pages] and None, COLUMNS, "json")
    with redirect_stdout(whole):
        output.show([row for page in pages for row in page], COLUMNS, "json")
    assert told.getvalue() == whole.getvalue()


def test_all_of_a_journal_comes_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fill() -> None:
        path = tmp_path / "journal.db"
        async with await SqliteJournal.open(path, clock=SteppingClock()) as journal:
            await journal.append([draft(number) for number in range(25)])

    anyio.run(fill)
    monkeypatch.setattr(journals, "PAGE", 10)
    pages: list[list[dict[str, Any]]] = []
    journals.entries(None, tmp_path, Wanted(0, None, {}), pages.append)
    assert [[entry["position"] for entry in page] for page in pages] == [
        list(range(10)), list(range(10, 20)), list(range(20, 25)),
    ]  # fmt: skip
    done = run_cli("-o", "json", "audit", "list", "--all", "--data-dir", str(tmp_path))
    assert json.loads(done.stdout) == [entry for page in pages for entry in page], done.stderr
    assert run_cli("audit", "list", "--limit", "3", "--data-dir", str(tmp_path)).stdout.count("\n") == 4
    done = run_cli("-o", "json", "audit", "list", "--all", "--type", "Nothing", "--data-dir", str(tmp_path))
    assert done.stdout == "[]\n"

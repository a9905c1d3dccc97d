"""docs/errors.md and docs/cli.md: every error code with HTTP status, exit code and retryability; every exit code."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import versiqiid
from versiqiid.api.rest.problems import status_of
from versiqiid.cli.exits import Exit, code_of
from versiqiid.cli.problems import raise_problem
from versiqiid.errors import VersiqiiError

DOCS = Path(__file__).parents[2] / "docs"
NOT_OURS = ("versiqiid.adapters.postgres", "versiqiid.__main__")
"""Need a driver that is an extra, or start a program."""


def every_error() -> dict[str, type[VersiqiiError]]:
    """The whole tree, wherever its classes are written; the class that a code stands for is the topmost one."""
    for module in pkgutil.walk_packages(versiqiid.__path__, "versiqiid."):
        if not module.name.startswith(NOT_OURS):
            importlib.import_module(module.name)
    return {kind.code: kind for kind in reversed(list(_below(VersiqiiError)))}


def _below(kind: type[VersiqiiError]) -> Iterator[type[VersiqiiError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def rows(page: str) -> dict[str, list[str]]:
    """Cells of the table by the code in the first one."""
    found = {}
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and re.fullmatch(r"`[a-z_0-9]+`", cells[0]):
            found[cells[0].strip("`")] = cells[1:]
    return found


ERRORS = every_error()
OFFLINE = {"error", "invalid_setting", "journal_refused"}
"""Met by commands that work without the daemon; all others come to the command line as HTTP problems."""


def _exit_of_problem(status: int, code: str) -> int:
    with pytest.raises(VersiqiiError) as caught:
        raise_problem(status, json.dumps({"code": code, "detail": "…"}).encode())
    return code_of(caught.value)


def test_every_code_is_documented() -> None:
    """No more and no fewer."""
    assert set(rows("errors.md")) == set(ERRORS)


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_the_row_is_true(code: str) -> None:
    """HTTP status, exit status and retryability as the code has them; a cause and a way out in words."""
    kind = ERRORS[code]
    http, leave, retryable, cause, way_out = rows("errors.md")[code]
    error = kind.__new__(kind)
    assert http == str(status_of(error))
    assert int(leave) == (code_of(error) if code in OFFLINE else _exit_of_problem(status_of(error), code))
    assert retryable == ("yes" if kind.retryable else "no")
    assert cause
    assert way_out


def test_every_exit_code_is_documented() -> None:
    """The one table of exit codes."""
    section = (DOCS / "cli.md").read_text(encoding="utf-8").partition("## Exit status")[2].partition("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)} == {int(code) for code in Exit}

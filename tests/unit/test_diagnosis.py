"""A check that fails, hangs or has a bug is a finding, and keeps no other from being told."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from versiqiid.api import diagnosis
from versiqiid.api.diagnosis import Diagnosis
from versiqiid.core.findings import Finding, Level
from versiqiid.errors import Unavailable

pytestmark = pytest.mark.anyio

GOOD = Finding("good", Level.OK, "all is well")


async def good() -> Sequence[Finding]:
    return [GOOD]


class Away:
    async def __call__(self) -> Sequence[Finding]:
        raise Unavailable("no answer")


class Frozen:
    async def __call__(self) -> Sequence[Finding]:
        await anyio.sleep_forever()
        return []


class Broken:
    async def __call__(self) -> Sequence[Finding]:
        raise KeyError("hush")


async def test_every_check_is_told_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that is not well says what to do; a bug's own words stay in the log."""
    monkeypatch.setattr(diagnosis, "CHECK_S", 0.05)
    found = await Diagnosis((good, Away(), Frozen(), Broken(), good)).run()
    assert [one.check for one in found] == ["good", "Away", "Frozen", "Broken", "good"]
    assert [one.level for one in found] == [Level.OK, Level.ERROR, Level.ERROR, Level.ERROR, Level.OK]
    assert all(one.hint for one in found if one.level is not Level.OK)
    assert "no answer" in found[1].message
    assert "hush" not in repr(found)


async def test_nothing_to_look_at_is_no_error() -> None:
    assert await Diagnosis(()).run() == []

"""Pages of a past state: bounded in keys and in bytes, and the same picture is not made twice."""

from __future__ import annotations

from typing import Any

import pytest

from versiqiid.api import past
from versiqiid.api.past import PastStates
from versiqiid.core.past import PastKey, Picture
from versiqiid.errors import InvalidInput

pytestmark = pytest.mark.anyio


class Made:
    """Pictures of as many keys as there are entries, and how often one was made."""

    def __init__(self) -> None:
        self.count = 0

    async def at(self, size: int) -> Picture:
        self.count += 1
        return {f"k{n:03}": PastKey(n, f"sha256:{n}" if n % 5 else None, n, "t", "t") for n in range(size)}

    async def document(self, digest: str) -> bytes:
        return digest.encode() * 100


async def test_pages_end_at_so_many_keys_or_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = Made()
    monkeypatch.setattr(past, "PAGE_BYTES_MAX", 2_400)
    states = PastStates(made, made, made)
    for values, most in ((False, 10), (True, 3)):
        found: list[str] = []
        token: str | None = ""
        while token is not None:
            page = await states.page(50, "k0", page_size=10, page_token=token, values=values)
            assert len(page.items) <= most
            assert all((value is not None) == values for _, _, value in page.items)
            found += [key for key, _, _ in page.items]
            token = page.next_token
        assert found == [f"k{n:03}" for n in range(50) if n % 5]
    assert made.count == 1
    for wrong in (0, 1001):
        with pytest.raises(InvalidInput):
            await states.page(50, page_size=wrong)

"""Which commits count as known to the watch: those under the leader's fence, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.consul_at import at
from versiqiid.adapters.consul.allowance import _FENCED_MAX, Allowance
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.errors import FenceLost
from versiqiid.ports import Held, SessionId, Set

if TYPE_CHECKING:
    from tests.services.consul import Consul


@pytest.mark.anyio
@pytest.mark.consul
async def test_only_what_was_written_under_a_fence_is_known(consul: Consul) -> None:
    """What came through the API is news to the engine, although this very process wrote it."""
    async with ConsulStore.connect(at(consul.address)) as store:
        session = (await store.open_session("one", ttl_s=10)).id
        assert await store.acquire("t/lock", b"", session)
        fenced = await store.commit([Held("t/lock", session), Set("t/a", b"1")])
        through_the_api = await store.commit([Set("t/b", b"1")])
        with pytest.raises(FenceLost):
            await store.commit([Held("t/lock", SessionId("5f1c6f8e-0000-4000-8000-000000000000")), Set("t/a", b"2")])
        assert fenced in store._allowance.fenced
        assert through_the_api not in store._allowance.fenced
        assert len(store._allowance._fenced) == 1


def test_not_more_commits_are_remembered_than_may_be() -> None:
    allowance = Allowance()
    for index in range(_FENCED_MAX + 10):
        allowance.wrote_fenced(index)
    assert 9 not in allowance.fenced
    assert all(index in allowance.fenced for index in range(10, _FENCED_MAX + 10))

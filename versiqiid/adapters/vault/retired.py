"""What was replaced or is handed back: revoked in the order in which it was retired, when its time has come.

Vault revokes in the background unless it is asked to wait. ``client.py`` asks, so what is told as revoked is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

import anyio

from versiqiid.errors import NotFound, Refused, VersiqiiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from versiqiid.core.access import Access

_AGAIN_S = 5.0
"""After a revocation that got no answer. Arbitrary: what is revoked late still ends by itself."""


@dataclass(slots=True)
class Retired:
    """Something to revoke at ``at`` unless it ends by itself before.

    :ivar fact: what is told once it is gone, None = nothing (what was given to us is not ours to revoke).
    """

    at: float
    ends_at: float
    revoke: Callable[[], None] = field(repr=False)
    fact: Access | None = None


class Retirement:
    """Everything that waits to be revoked.

    :param call: runs a blocking call in a worker thread.
    :param tell: takes the facts.
    """

    def __init__(self, call: Callable[[Callable[[], None]], Awaitable[Any]], tell: Callable[[Access], None]) -> None:
        self._call = call
        self._tell = tell
        self._waiting: list[Retired] = []

    def add(self, retired: Retired) -> None:
        self._waiting.append(retired)

    def drop(self, retired: Retired) -> None:
        """It is in use after all."""
        self._waiting.remove(retired)

    def next_at(self) -> float:
        """When the next one is due."""
        return min((old.at for old in self._waiting), default=inf)

    async def revoke_due(self, now: float) -> None:
        """Revoke what is due, in order; what cannot be reached is tried again."""
        for old in [old for old in self._waiting if old.at <= now]:
            why = ""
            try:
                if anyio.current_time() < old.ends_at:
                    await self._call(old.revoke)
                else:
                    why = "it had ended"
            except (Refused, NotFound):
                why = "it had ended"
            except VersiqiiError:
                old.at = anyio.current_time() + _AGAIN_S
                continue
            self._waiting.remove(old)
            if old.fact is not None:
                self._tell(replace(old.fact, data={**old.fact.data, "reason": why}) if why else old.fact)

    async def revoke_all(self) -> None:
        """At the end: everything, whatever its time."""
        now = anyio.current_time()
        for old in self._waiting:
            old.at = now
        await self.revoke_due(now)

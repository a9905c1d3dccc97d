"""Whatever changes subjects, one after the other, and again where another process was faster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from versiqiid.api.registry import faults
from versiqiid.api.registry.deleting import Deleting
from versiqiid.api.registry.registering import Registering, Wanted
from versiqiid.api.registry.state import ATTEMPTS, State
from versiqiid.core.registry import records as r
from versiqiid.core.registry.subjects import is_subject
from versiqiid.engine.facts import Attribution
from versiqiid.errors import Conflict

T = TypeVar("T")


class Writing:
    """Changes subjects. Whatever is decided is decided again when somebody else was faster."""

    def __init__(self, state: State, registering: Registering, deleting: Deleting) -> None:
        self._state = state
        self._registering = registering
        self._deleting = deleting
        self._turn = anyio.Lock()  # within this process nobody needs to lose a race

    async def register(self, subject: str, wanted: Wanted, by: Attribution) -> r.Numbered:
        """The content's version; the one that it has already where the subject holds it.

        :raises RegistryFault: it is no schema, may not follow the earlier ones, or nothing may be registered here.
        """
        if not is_subject(subject):
            raise faults.invalid_subject(subject)

        async def attempt() -> r.Numbered:
            return await self._registering.register(await self._state.load(subject), wanted, by)

        return await self._again(attempt)

    async def delete_subject(self, subject: str, by: Attribution, *, permanent: bool) -> list[int]:
        """The numbers of the versions that were deleted: softly, or for ever what was softly deleted before.

        :raises RegistryFault: there is nothing to delete in this way, or something refers to it.
        """
        return await self._again(lambda: self._deleting.subject(subject, by, permanent=permanent))

    async def delete_version(self, subject: str, version: str, by: Attribution, *, permanent: bool) -> int:
        """The number of the version that was deleted.

        :raises RegistryFault: as ``delete_subject``.
        """
        return await self._again(lambda: self._deleting.version(subject, version, by, permanent=permanent))

    async def _again(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            for _ in range(ATTEMPTS):
                try:
                    return await attempt()
                except Conflict as conflict:
                    lost = conflict
            raise lost

"""Many small works, a bounded number of them at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio

_IN_FLIGHT = 16
"""Arbitrary; as many as an object store's client has connections."""


async def in_parallel(works: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Do all of it, a bounded number at a time; the first error that came is raised, and nothing is begun after it."""
    waiting = iter(works)
    errors: list[Exception] = []

    async def worker() -> None:
        for work in waiting:
            if errors:
                return
            try:
                await work()
            except Exception as error:  # noqa: BLE001 (raised again below, out of its group)
                errors.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(_IN_FLIGHT):
            group.start_soon(worker)
    if errors:
        raise errors[0]

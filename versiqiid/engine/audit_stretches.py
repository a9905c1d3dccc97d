"""A whole log checked stretch by stretch: a long one in as many processes as there are processors.

Stretches are judged in order, whatever order they are done in, so the refusal is the same as one reader's would be.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from versiqiid.core.audit import LogCheck
from versiqiid.core.audit_range import StretchFound
from versiqiid.engine.parallel import in_parallel
from versiqiid.errors import VersiqiiError

STRETCH = 8192
"""Entries in one; a multiple of 256, else arbitrary: bounds what is in memory."""

APART_FROM = 100_000
"""Entries from which the processes are worth their start; arbitrary, about a second's work."""

Work = Callable[[int, int, Sequence[int]], StretchFound]


async def check_stretches(
    check: LogCheck,
    size: int,
    here: Callable[[int, int, Sequence[int]], Awaitable[StretchFound]],
    apart: Work,
    *,
    apart_from: int = APART_FROM,
) -> None:
    """Give the check all entries up to ``size``.

    :param here: checks one stretch in this process.
    :param apart: the same in another one, so it must be picklable.
    :raises JournalRefused: the first fault; see ``LogCheck.take``.
    """
    processors = len(os.sched_getaffinity(0))
    limiter = CapacityLimiter(processors)
    is_apart = size >= apart_from and processors > 1

    async def one(start: int, into: dict[int, StretchFound]) -> None:
        stop = min(start + STRETCH, size)
        marks = check.marks(start, stop)
        try:
            if is_apart:
                into[start] = await to_process.run_sync(apart, start, stop, marks, cancellable=True, limiter=limiter)
                return
        except (BrokenWorkerProcess, VersiqiiError, OSError):
            pass  # what is wrong with it is told by our own connection
        into[start] = await here(start, stop, marks)

    starts = range(0, size, STRETCH)
    at_once = 8 * processors if is_apart else 1
    for first in range(0, len(starts), at_once):
        found: dict[int, StretchFound] = {}
        await in_parallel(partial(one, start, found) for start in starts[first : first + at_once])
        for start in sorted(found):
            check.take(found[start])

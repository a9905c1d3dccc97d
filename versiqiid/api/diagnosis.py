"""Every check that the daemon's parts offer, asked at once, each with a limit on its time."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from versiqiid.core.findings import Check, Finding, Level
from versiqiid.errors import VersiqiiError
from versiqiid.logs import logger

log = logger("doctor")

CHECK_S = 15.0
"""How long one check may take. Arbitrary: longer than a single answer is waited for."""


class Diagnosis:
    """:param checks: in the order in which their findings are told."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._turn = anyio.Lock()

    async def run(self) -> list[Finding]:
        """What all checks find. Never fails: a check that does is a finding. One at a time: servers are asked."""
        async with self._turn:
            found: list[list[Finding]] = [[] for _ in self._checks]
            async with anyio.create_task_group() as tasks:
                for at, check in enumerate(self._checks):
                    tasks.start_soon(_run, check, found[at])
        return [finding for part in found for finding in part]


async def _run(check: Check, into: list[Finding]) -> None:
    name = type(check).__name__
    try:
        with anyio.fail_after(CHECK_S):
            into.extend(await check())
    except TimeoutError:
        into.append(
            Finding(name, Level.ERROR, f"no end within {CHECK_S:g} s", "Is what it asks overloaded, or frozen?")
        )
    except VersiqiiError as error:
        into.append(Finding(name, Level.ERROR, error.message, error.hint or "See the daemon's log."))
    except Exception as error:  # a doctor that dies tells nothing about the rest
        log.error("internal_error", kind=type(error).__name__, check=name, exc_info=error)
        into.append(Finding(name, Level.ERROR, "internal error", "The daemon's log has the details: report it."))

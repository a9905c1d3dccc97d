"""Waiting for what must happen: a condition is looked at until it holds. The bound only ends a test that hangs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable


async def until(condition: Callable[[], object], within_s: float = 60) -> None:
    """Return when the condition holds."""
    with anyio.fail_after(within_s):
        while not condition():
            await anyio.sleep(0.005)


def wait(what: str, holds: Callable[[], object], within_s: float = 60) -> None:
    """The same beside no event loop; ``what`` is what did not happen where it fails."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {within_s} s: {what}"
        time.sleep(0.02)

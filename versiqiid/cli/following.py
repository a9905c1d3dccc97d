"""The journal followed for as long as somebody looks, over restarts of the daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from versiqiid.cli.session import Session
from versiqiid.errors import Unavailable

PATIENCE_S = 120.0
"""How long a daemon that was there may be away. Arbitrary: longer than a restart, shorter than a night."""
AGAIN_S = 0.5


def entries_from(session: Session, start: int) -> Iterator[dict[str, Any]]:
    """Every entry from a position on, each once and in order, until the user ends it.

    :raises Unavailable: the daemon was never there, or stays away for longer than a restart takes.
    """
    position, reached = start, 0.0

    def begun() -> None:
        nonlocal reached
        reached = time.monotonic()

    while True:
        try:
            for entry in session.stream("/v1/events", begun=begun, start=position):
                reached = time.monotonic()
                position = entry["position"] + 1
                yield entry
        except Unavailable:
            if not reached or time.monotonic() - reached > PATIENCE_S:
                raise
        time.sleep(AGAIN_S)

"""Numbers that are looked at now and then instead of being counted at each change: states, drifts, ages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import anyio

from versiqiid.core.drift import DIMENSIONS
from versiqiid.core.plan import State
from versiqiid.core.snapshot import Snapshot
from versiqiid.ports import Metrics

INTERVAL_S = 5.0
"""Arbitrary: well below a usual scrape interval."""

_STATES = {f'"state":"{state.value}"'.encode(): state.value for state in State}
_DIMENSIONS = {f'"dimension":"{dimension}"'.encode(): dimension for dimension in DIMENSIONS}


async def measure(snapshot: Snapshot, metrics: Metrics, reached_age_s: Callable[[], float | None]) -> None:
    """Until cancelled. Values are searched as bytes, not parsed: our own documents are canonical."""
    seen = -1
    while True:
        age = reached_age_s()
        if age is not None:
            metrics.gauge("versiqii_watch_age_seconds", age)
        if snapshot.index != seen:
            seen = snapshot.index
            _tell(snapshot, metrics)
        await anyio.sleep(INTERVAL_S)


def _tell(snapshot: Snapshot, metrics: Metrics) -> None:
    states: Counter[str] = Counter()
    drifts: Counter[str] = Counter()
    for key, value in snapshot.items():
        if key.startswith("status/"):
            states.update(name for mark, name in _STATES.items() if mark in value.raw)
        elif key.startswith("drift/"):
            for mark, name in _DIMENSIONS.items():
                drifts[name] += value.raw.count(mark)
    for state in State:
        metrics.gauge("versiqii_bindings", states[state.value], state=state.value)
    for dimension in DIMENSIONS:
        metrics.gauge("versiqii_drift", drifts[dimension], dimension=dimension)

"""Numbers that are looked at now and then instead of being counted at each change: states, drifts, ages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import nan

import anyio

from versiqiid.core.drift import DIMENSIONS
from versiqiid.core.plan import State
from versiqiid.core.snapshot import Snapshot
from versiqiid.ports import Coverage, Metrics

INTERVAL_S = 5.0
"""Arbitrary: well below a usual scrape interval."""

_STATES = {f'"state":"{state.value}"'.encode(): state.value for state in State}
_DIMENSIONS = {f'"dimension":"{dimension}"'.encode(): dimension for dimension in DIMENSIONS}


async def measure(
    snapshot: Snapshot,
    metrics: Metrics,
    reached_age_s: Callable[[], float | None],
    coverage: Callable[[], Coverage],
) -> None:
    """Until cancelled. Values are searched as bytes, not parsed: our own documents are canonical."""
    seen, numbers = -1, 0
    while True:
        numbers = _tell_of_shards(coverage(), numbers, metrics)
        age = reached_age_s()
        if age is not None:
            metrics.gauge("versiqii_watch_age_seconds", age)
        if snapshot.index != seen:
            seen = snapshot.index
            _tell(snapshot, metrics)
        await anyio.sleep(INTERVAL_S)


def _tell_of_shards(coverage: Coverage, told: int, metrics: Metrics) -> int:
    """How the watches stand. Prefixes are no labels, so shards are numbered in the order of ``/readyz``.

    :param told: how many numbers have a value; those that no shard has any more become "not a number".
    :returns: how many have one now.
    """
    metrics.gauge("versiqii_watch_queries", len(coverage.shards))
    metrics.gauge("versiqii_watch_shards", sum(shard.kind != "names" for shard in coverage.shards))
    metrics.gauge("versiqii_watch_queries_failing", coverage.failing)
    metrics.gauge("versiqii_watch_index_lag", coverage.lag)
    ages = [nan if shard.age_s is None else shard.age_s for shard in coverage.shards]
    for number, age in enumerate(ages + [nan] * (told - len(ages))):
        metrics.gauge("versiqii_watch_shard_age_seconds", age, shard=str(number))
    return max(told, len(ages))


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

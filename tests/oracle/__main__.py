"""Search for a disagreement for a while: ``python -m tests.oracle --seconds 600 --seed 1 [--what paths]``."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import anyio
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.oracle.drive import follow
from tests.oracle.focus import FOCUS
from tests.oracle.worlds import Edit, histories

STRATEGIES = {strategy.__name__.strip("_"): strategy for strategy in (histories, *FOCUS)}


def search(seconds: float, start: int, what: str, *, stop: bool) -> None:
    """One seed after another until the time is over; the first disagreement is made small and raised."""
    seen: Counter[str] = Counter()
    edits, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:

        @seed(start)
        @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                  phases=(Phase.generate, Phase.shrink))  # fmt: skip
        @given(STRATEGIES[what](), st.frozensets(st.integers(0, 20)) if stop else st.just(frozenset()))
        def attempt(history: list[Edit], stops: frozenset[int]) -> None:
            nonlocal edits
            edits += len(history)
            with tempfile.TemporaryDirectory() as folder:
                anyio.run(partial(follow, Path(folder), history, seen, stops=stops))

        attempt()
        start += 1
        print(f"next seed {start}: {edits} edits, {dict(seen)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--what", choices=sorted(STRATEGIES), default="histories")
    parser.add_argument("--stop", action="store_true", help="make some of the edits while no engine runs")
    parser.add_argument("--seed", type=int, default=1)
    given_arguments = parser.parse_args()
    search(given_arguments.seconds, given_arguments.seed, given_arguments.what, stop=given_arguments.stop)

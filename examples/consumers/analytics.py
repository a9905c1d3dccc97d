"""Consumer group ``analytics``: how often what happens, and where configs are refused most.

    python analytics.py --bootstrap broker:9092

Prints one JSON object at the end, and every thousand events on the way. The first copies of a key come in order, so a
number that is not larger than the last one of its key is a repetition, and no list of ids has to be kept.
"""

from __future__ import annotations

import json
import sys
from collections import Counter

from events import Event, Events, arguments


class Counts:
    """Events by type and day, and refusals by target."""

    def __init__(self) -> None:
        self.types: Counter[str] = Counter()
        self.days: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.repeated = 0
        self._last: dict[str, int] = {}

    def add(self, event: Event) -> None:
        if event.sequence <= self._last.get(event.subject, -1):
            self.repeated += 1
            return
        self._last[event.subject] = event.sequence
        name = event.body["event_type"]
        self.types[name] += 1
        self.days[event.time[:10]] += 1
        if name == "ConfigRejected":
            self.refused[event.data.get("target", "unknown")] += 1

    def show(self) -> None:
        told = {"types": self.types, "days": self.days, "refused": self.refused, "repeated": self.repeated}
        print(json.dumps(told, sort_keys=True), flush=True)


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    counts = Counts()
    for number, event in enumerate(Events(options, group="analytics", topic="audit"), 1):
        counts.add(event)
        if number % 1000 == 0:
            counts.show()
    counts.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())

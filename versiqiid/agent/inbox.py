"""What one watch has seen of one target's effective configs. Events only wake; the newest state is worked on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from versiqiid.core.keys import EffectiveKey, parse
from versiqiid.ports import Batch, Reached, Trouble, WatchEvent

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Inbox:
    """
    The effective configs of one target in one environment, by binding name.

    :ivar seen: whether the store was ever read; before that, an empty inbox means nothing.
    :ivar trouble: why the store cannot be reached just now; empty when it can.
    """

    root: str
    environment: str
    target: str
    seen: bool = False
    trouble: str = ""
    _values: dict[str, bytes] = field(default_factory=dict)
    _changed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def prefix(self) -> str:
        return f"{self.root}/effective/{self.environment}/{self.target}/"

    @property
    def wanted(self) -> Mapping[str, bytes] | None:
        """By binding name; None while the store was never read."""
        return dict(self._values) if self.seen else None

    def arm(self) -> anyio.Event:
        """The event that the next change sets. Armed before working, so that nothing is missed meanwhile."""
        self._changed = anyio.Event()
        return self._changed

    async def observe(self, event: WatchEvent) -> None:
        """Take one event of the watch. A batch that changes nothing wakes nobody."""
        match event:
            case Batch():
                self._take(event)
            case Reached():
                self.trouble = ""
            case Trouble():
                self.trouble = event.error.message
                if not self.seen:
                    self._changed.set()  # nothing will come soon: go on with the last good copies

    def _take(self, batch: Batch) -> None:
        values = {} if batch.complete else dict(self._values)
        for entry in batch.changed:
            name = self._name(entry.key)
            if name is not None:
                values[name] = entry.value
        for key in batch.deleted:
            values.pop(self._name(key) or "", None)
        news = values != self._values or not self.seen
        self._values, self.seen, self.trouble = values, True, ""
        if news:
            self._changed.set()

    def _name(self, key: str) -> str | None:
        """The binding's name; None for keys of an environment that is named like this target (``prod/av/…``)."""
        parsed = parse(key.removeprefix(self.root + "/"))
        if not isinstance(parsed, EffectiveKey):
            return None
        place = parsed.id
        return place.name if (place.environment, place.target) == (self.environment, self.target) else None

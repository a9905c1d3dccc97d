"""What the world around the engine promises: events out, secrets in, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from versiqiid.ports.journal import Recorded


class EventSink(Protocol):
    """Where journal entries go."""

    @property
    def name(self) -> str: ...

    async def publish(self, events: Sequence[Recorded]) -> int:
        """Send in order and return how many, from the first, are acknowledged without a gap.

        :raises Unavailable: none is known to be acknowledged.
        """
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential with its lifetime. Its ``repr`` never shows the value.

    :ivar lifetime_s: seconds from issue, None = no end known.
    """

    value: str = field(repr=False)
    lifetime_s: float | None = None
    renewable: bool = False


class Credentials(Protocol):
    """Secrets with a lifetime, renewed ahead of time."""

    def current(self) -> Secret | None:
        """What to use now, without waiting."""
        ...

    async def run(self) -> None:
        """Obtain, renew and rotate until cancelled; then hand back what can be revoked."""
        ...


class Metrics(Protocol):
    """Numbers for the operator. Names and labels are declared in ``adapters/prometheus.py``; labels are bounded."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...

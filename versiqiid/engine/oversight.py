"""What the parts of a daemon tell the rest of it, whoever opened them: facts of access, notes for health, checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from versiqiid.core.access import Tell
from versiqiid.core.findings import Check

Note: TypeAlias = Callable[[], str | None]
"""One line about what is wrong now, None while nothing is."""


@dataclass(frozen=True, slots=True)
class Oversight:
    """:ivar tell: takes facts of access. :ivar notes: for ``/readyz``. :ivar checks: for ``versiqii doctor``."""

    tell: Tell = lambda _: None
    notes: list[Note] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

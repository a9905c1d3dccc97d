"""What a check found: the words of ``versiqii doctor``, wherever they are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Deserves a look; nothing is broken by it now."""
    ERROR = "error"
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. No document's value and no secret stands in it.

    :ivar check: what was looked at, such as ``consul rights``.
    :ivar hint: what to do next; never empty unless the level is ``ok``.
    """

    check: str
    level: Level
    message: str
    hint: str = ""


Check: TypeAlias = Callable[[], Awaitable[Sequence[Finding]]]
"""Looks and tells; an error that it raises is a finding too."""

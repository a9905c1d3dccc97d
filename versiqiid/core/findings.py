"""What a check found: the words of ``versiqii doctor``, wherever they are made. Pure: measured times are arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TypeAlias

CLOCK_SKEW_MAX_S = 5.0
"""Arbitrary: above what synchronised clocks show, below what makes times in entries and tokens lie."""
CERTIFICATE_DAYS_LEAST = 14
"""Arbitrary: time enough to renew a certificate by hand."""
TOKEN_LEAST_S = 60.0

_DAY_S = 86_400.0
_HALF_S = 0.5
"""A ``Date`` header is cut to whole seconds: on average half a second is missing."""


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
    :ivar hint: what to do next; empty only when the level is ``ok``.
    """

    check: str
    level: Level
    message: str
    hint: str = ""


Check: TypeAlias = Callable[[], Awaitable[Sequence[Finding]]]
"""Looks and tells; an error of ours that it raises is a finding too."""


def clock(who: str, header: str, asked_at: float, told_at: float) -> Finding | None:
    """How far another machine's clock is from ours, by the ``Date`` header of its answer (RFC 9110, section 6.6.1).

    :param asked_at: our clock in seconds since the epoch when the request left; ``told_at`` when the answer came.
    :returns: None without a date.
    """
    try:
        theirs = parsedate_to_datetime(header).timestamp() + _HALF_S
    except (ValueError, TypeError):
        return None
    doubt = _HALF_S + (told_at - asked_at) / 2
    ahead = theirs - (asked_at + told_at) / 2
    check = f"{who} clock"
    if abs(ahead) - doubt > CLOCK_SKEW_MAX_S:
        way = "ahead of" if ahead > 0 else "behind"
        message = f"the clock there is {abs(ahead):.0f} s {way} the one here"
        return Finding(check, Level.WARNING, message, "Synchronise both machines, with chrony for example.")
    return Finding(check, Level.OK, f"within {max(1.0, abs(ahead) + doubt):.0f} s of ours")


def certificate(check: str, whose: str, ends_at: datetime, now: float) -> Finding:
    """How long a certificate is good for. :param now: seconds since the epoch."""
    left_s = ends_at.replace(tzinfo=ends_at.tzinfo or UTC).timestamp() - now
    if left_s <= 0:
        return Finding(check, Level.ERROR, f"{whose} ended {_span(-left_s)} ago", "Renew the certificate.")
    level = Level.OK if left_s > CERTIFICATE_DAYS_LEAST * _DAY_S else Level.WARNING
    hint = "" if level is Level.OK else "Renew the certificate before then."
    return Finding(check, level, f"{whose} is good for {_span(left_s)}", hint)


def lifetime(check: str, whose: str, left_s: float | None, *, renewed: bool, hint: str) -> Finding:
    """How long a credential lives.

    :param left_s: seconds until its end, None = it has none.
    :param renewed: somebody renews or replaces it in time, when all is well.
    """
    if left_s is None:
        return Finding(check, Level.OK, f"{whose} has no end")
    if left_s <= 0:
        return Finding(check, Level.ERROR, f"{whose} has ended", hint)
    told = f"{whose} ends in {_span(left_s)}" + (" unless it is renewed" if renewed else "")
    if renewed or left_s > CERTIFICATE_DAYS_LEAST * _DAY_S:
        return Finding(check, Level.OK, told)
    return Finding(check, Level.WARNING, told + ", and nobody renews it", hint)


def missing(check: str, level: Level, right: str, prefixes: Sequence[str], hint: str) -> Finding:
    """Prefixes on which a right is missing."""
    return Finding(check, level, f"the token may not {right} {', '.join(prefixes)}", hint)


def _span(seconds: float) -> str:
    """A stretch of time as people say it, in its largest unit."""
    for unit, length in (("days", _DAY_S), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"

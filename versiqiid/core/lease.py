"""When to renew and when to replace something that was granted for a time. Pure numbers: no clock, no dice, no secrets.

The rule is that of HashiCorp's own lifetime watcher (api/lifetime_watcher.go in hashicorp/vault): renew at two thirds,
read back what was really granted, and leave before the end instead of at it. A grantor that gives less than was asked
for has reached its maximum time to live: from then on a renewal only shrinks, so a replacement is due.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from versiqiid.core.retry import Backoff, delay_s

_RENEW_LATEST = 2 / 3
_RENEW_SPREAD = 0.1  # of the grant: renewals of many processes that began together drift apart
_GRACE_LEAST = 0.1  # of the first grant: what is kept back for a replacement
_GRACE_SPREAD = 0.1
_SHORTER_S = 1.0  # grants come in whole seconds, so one second less says nothing


class Action(StrEnum):
    RENEW = "renew"
    REPLACE = "replace"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Lease:
    """One grant. Times are seconds on one clock of the caller's that never goes back.

    :ivar granted_at: when the present grant began; take the moment *before* asking for it.
    :ivar granted_s: for how long, as read back; 0 = without an end.
    :ivar asked_s: what the first grant was, and what a renewal asks for.
    :ivar renewable: whether the grantor would renew it.
    """

    granted_at: float
    granted_s: float
    asked_s: float
    renewable: bool

    @property
    def ends_at(self) -> float:
        """The first moment at which it may be gone."""
        return self.granted_at + self.granted_s if self.granted_s else math.inf


@dataclass(frozen=True, slots=True)
class Step:
    """What is due, and when at the latest it should begin."""

    action: Action
    at: float


def first(now: float, granted_s: float, *, renewable: bool) -> Lease:
    """The lease of a first grant."""
    return Lease(now, granted_s, granted_s, renewable)


def renewed(lease: Lease, now: float, granted_s: float, *, renewable: bool) -> Lease:
    """The lease after a renewal that was asked for at ``now`` and gave ``granted_s``."""
    return replace(lease, granted_at=now, granted_s=granted_s, renewable=renewable)


def next_step(lease: Lease, seed: float) -> Step:
    """What comes after a grant; always before the grant ends.

    :param seed: a throw of the dice, 0 ≤ seed < 1.
    """
    if not lease.granted_s:
        return Step(Action.NONE, math.inf)
    at = lease.granted_at + lease.granted_s * (_RENEW_LATEST - _RENEW_SPREAD * seed)
    if lease.renewable and not _capped(lease):
        return Step(Action.RENEW, at)
    return Step(Action.REPLACE, max(lease.granted_at, min(at, _leave_at(lease, seed))))


def after_failure(lease: Lease, failed: Action, now: float, *, attempt: int, seed: float) -> Step:
    """What comes after a failed step: the same again, later each time, but a replacement once the end is near.

    Replacing is tried for ever, also after the end: what is held may have been prolonged by nobody, but a grantor that
    comes back can always give something new.

    :param attempt: 1 for the first failure in a row.
    """
    span = lease.asked_s or 60.0
    backoff = Backoff(first_s=min(1.0, span / 30), most_s=min(30.0, span / 6))
    at = now + delay_s(backoff, attempt, seed)
    if failed is Action.RENEW and at < _leave_at(lease, seed):
        return Step(Action.RENEW, at)
    return Step(Action.REPLACE, at)


def _capped(lease: Lease) -> bool:
    return lease.granted_s < lease.asked_s - _SHORTER_S


def _leave_at(lease: Lease, seed: float) -> float:
    """The end less the grace, which is a share of the first grant: the last one may be much shorter."""
    return lease.ends_at - lease.asked_s * (_GRACE_LEAST + _GRACE_SPREAD * seed)

"""The index rules and the pacing of a blocking query. Pure: the answer, the time and the dice are arguments.

The rules are Consul's own (https://developer.hashicorp.com/consul/api-docs/features/blocking): the index must be above
0, it is reset when it goes backwards, an answer is no proof of a change, and the loop is limited by a token bucket
instead of a sleep in each round. What the answers hold is not this room's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from versiqiid.core.retry import Backoff, delay_s

UNBLOCKED = 0
"""The index of a query that does not block."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often we ask.

    :ivar burst: queries that may follow each other at once.
    :ivar refill_per_s: queries a second over a long time.
    :ivar failed: delays after errors.
    :ivar unchanged: delays after answers that came without waiting and brought nothing. Shorter than after errors: an
        empty prefix is woken by every write anywhere in the store (hashicorp/consul#9449), and its first key must still
        be seen soon. Both caps are arbitrary.
    """

    burst: int = 100
    refill_per_s: float = 50.0
    failed: Backoff = field(default_factory=lambda: Backoff(first_s=0.25, most_s=15.0))
    unchanged: Backoff = field(default_factory=lambda: Backoff(first_s=0.02, most_s=2.0))


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a query stands.

    :ivar index: what to block at, or ``UNBLOCKED``.
    :ivar failures: errors in a row.
    :ivar fruitless: answers in a row that brought nothing and for which nobody waited.
    :ivar tokens: what is left of the bucket at ``counted_at``, None = full.
    :ivar seen: the index of the last good answer, 0 = there was none; blocked on or not, a lower one went back.
    :ivar inherited: the index comes from a query of a wider prefix. The own one may be lower, and is told when the wait
        is over: no fall.
    """

    index: int = UNBLOCKED
    failures: int = 0
    fruitless: int = 0
    tokens: float | None = None
    counted_at: float = 0.0
    seen: int = 0
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query brought.

    :ivar index: as the server said it.
    :ivar changed: whether the data differ from the last.
    :ivar early: whether it blocked and came before its wait was over.
    """

    index: int
    changed: bool
    early: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next.

    :ivar delay_s: wait this long before the next query.
    :ivar went_back: the index fell: revisions may have been given out anew, so nothing known can be trusted by number.
    """

    cursor: Cursor
    delay_s: float
    went_back: bool = False


def answered(cursor: Cursor, answer: Answer, *, now: float, seed: float, pace: Pace) -> Step:
    """The step after a good answer.

    :param now: seconds of any clock that does not go backwards.
    :param seed: a throw of the dice, 0 ≤ seed < 1.
    """
    index = max(answer.index, 1)
    held = cursor.index if answer.early or not cursor.inherited else UNBLOCKED
    went_back = index < max(held, cursor.seen)
    waited_out = cursor.index != UNBLOCKED and not answer.early and not went_back
    nothing = not answer.changed and not waited_out
    fruitless = cursor.fruitless + 1 if nothing else 0
    tokens = _refilled(cursor, now, pace) - 1
    delay = max(0.0, -tokens / pace.refill_per_s)
    if nothing:
        delay = max(delay, delay_s(pace.unchanged, fruitless, seed))
    # An early answer has a higher index, unless the server gave up the query because its state was put back from a
    # snapshot: it answers with what it had. Blocking on that index would wait for a future that may not come for long.
    given_up = answer.early and index == cursor.index
    following = Cursor(UNBLOCKED if went_back or given_up else index, 0, fruitless, tokens, now, index)
    return Step(following, delay, went_back)


def failed(cursor: Cursor, *, now: float, seed: float, pace: Pace) -> Step:
    """The step after an error. The next query does not block: behind the address may stand another server by then,
    restored from an older snapshot, which would sit out the whole wait at an index it has not reached.
    """
    failures = cursor.failures + 1
    following = replace(cursor, index=UNBLOCKED, failures=failures, tokens=_refilled(cursor, now, pace), counted_at=now)
    return Step(following, delay_s(pace.failed, failures, seed))


def _refilled(cursor: Cursor, now: float, pace: Pace) -> float:
    if cursor.tokens is None:
        return float(pace.burst)
    return min(float(pace.burst), cursor.tokens + max(0.0, now - cursor.counted_at) * pace.refill_per_s)

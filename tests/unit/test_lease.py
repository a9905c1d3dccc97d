"""Renewal timing against a simulated grantor with a maximum time to live: never out, and never asking too often."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.lease import Action, Lease, after_failure, first, next_step, renewed

seeds = st.floats(0, 1, exclude_max=True)
ttls = st.integers(2, 100_000)


@dataclass
class Grantor:
    """Gives ``ttl`` seconds, renews up to ``most`` seconds from the issue, in whole seconds, as Vault does."""

    ttl: int
    most: int
    issued: float = 0.0

    def issue(self, now: float) -> int:
        self.issued = now
        return min(self.ttl, self.most)

    def renew(self, now: float) -> int:
        return max(0, min(self.ttl, math.floor(self.issued + self.most - now)))


def test_a_renewal_is_due_at_two_thirds_and_a_little_before() -> None:
    """Of ninety seconds: between 51 and 60, by the dice."""
    lease = first(1000.0, 90, renewable=True)
    assert next_step(lease, 0.0) == (step := next_step(lease, 0.0))
    assert (step.action, step.at) == (Action.RENEW, 1060.0)
    assert next_step(lease, 0.999).at == 1000 + 90 * (2 / 3 - 0.0999)


def test_what_cannot_be_renewed_is_replaced_and_what_never_ends_is_left_alone() -> None:
    """A batch token, and a root token."""
    assert next_step(first(0.0, 90, renewable=False), 0.0).action is Action.REPLACE
    assert next_step(first(0.0, 0, renewable=False), 0.5).action is Action.NONE
    assert first(0.0, 0, renewable=True).ends_at == math.inf


def test_a_grant_shorter_than_asked_is_the_last_one() -> None:
    """Read back, not assumed: 30 of 90 seconds means that the maximum is near."""
    lease = renewed(first(0.0, 90, renewable=True), 60.0, 30, renewable=True)
    step = next_step(lease, 0.0)
    assert step.action is Action.REPLACE
    assert 60 <= step.at <= 81, "with a grace of nine seconds or more"


@given(ttl=ttls, share=st.floats(0.3, 50), throws=st.lists(seeds, min_size=1, max_size=20))
def test_with_a_grantor_that_answers_it_never_runs_out(ttl: int, share: float, throws: list[float]) -> None:
    """Over two hundred steps nothing ends unreplaced, each step is later than the last, and steps are not too many."""
    grantor = Grantor(ttl, max(2, int(ttl * share)))
    now = 0.0
    lease = first(now, grantor.issue(now), renewable=True)
    for number in range(200):
        step = next_step(lease, throws[number % len(throws)])
        assert lease.granted_at <= step.at < lease.ends_at
        now = step.at
        if step.action is Action.RENEW and (granted := grantor.renew(now)):
            lease = renewed(lease, now, granted, renewable=True)
        else:
            lease = first(now, grantor.issue(now), renewable=True)
    assert now > 200 * min(ttl, grantor.most) * 0.1, "a step takes at least a tenth of a grant on average"


@given(ttl=st.integers(30, 100_000), outage=st.floats(0, 0.12), throws=st.lists(seeds, min_size=1, max_size=20))
def test_a_short_outage_does_not_end_it(ttl: int, outage: float, throws: list[float]) -> None:
    """The grantor is away from the moment the renewal is due, for up to 12 % of the grant: renewed before the end."""
    lease = first(0.0, ttl, renewable=True)
    step = next_step(lease, throws[0])
    back = step.at + outage * ttl
    attempt = 0
    while step.at < back:
        attempt += 1
        step = after_failure(lease, step.action, step.at, attempt=attempt, seed=throws[attempt % len(throws)])
    assert step.at < lease.ends_at


@given(
    ttl=ttls,
    attempt=st.integers(1, 10_000),
    seed=seeds,
    now=st.floats(0, 1e6),
    failed=st.sampled_from(list(Action)[:2]),
)
def test_a_failed_step_comes_again_later_but_soon(
    ttl: int, attempt: int, seed: float, now: float, failed: Action
) -> None:
    """Always in the future, within half a minute, and never a renewal when there is no time left for one."""
    lease = Lease(0.0, ttl, ttl, renewable=True)
    step = after_failure(lease, failed, now, attempt=attempt, seed=seed)
    assert now < step.at <= now + 30
    if failed is Action.REPLACE or step.at > lease.ends_at:
        assert step.action is Action.REPLACE

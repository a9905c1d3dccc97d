"""How measured times become findings: clocks, certificates, lifetimes. Every warning says what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.findings import CLOCK_SKEW_MAX_S, Finding, Level, certificate, clock, lifetime

EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = EPOCH.timestamp()


def header(now: float) -> str:
    """What a server with this clock sends: whole seconds, cut off."""
    return format_datetime(datetime.fromtimestamp(int(now), UTC), usegmt=True)


@given(
    skew=st.floats(-1e6, 1e6), there=st.floats(0, 4), back=st.floats(0, 4), fraction=st.floats(0, 1, exclude_max=True)
)
def test_a_clock_is_never_called_wrong_when_it_may_be_right(
    skew: float, there: float, back: float, fraction: float
) -> None:
    """Whatever the way there and back took, and wherever in its second the server was: a skew within the limit is never
    a warning, one beyond it by more than what cannot be known always is.
    """
    asked = NOW + fraction
    found = clock("consul", header(asked + there + skew), asked, asked + there + back)
    assert found is not None
    doubt = 1.0 + there + back
    if abs(skew) <= CLOCK_SKEW_MAX_S:
        assert found.level is Level.OK
    elif abs(skew) > CLOCK_SKEW_MAX_S + doubt:
        assert found.level is Level.WARNING
        assert ("ahead of" if skew > 0 else "behind") in found.message


def test_no_date_says_nothing() -> None:
    assert clock("consul", "", NOW, NOW) is None
    assert clock("consul", "soon", NOW, NOW) is None


def test_certificates_are_told_before_they_end() -> None:
    def told(**left: float) -> Finding:
        return certificate("consul tls", "the certificate", EPOCH + timedelta(**left), NOW)

    assert told(days=90).level is Level.OK
    assert told(days=13).level is Level.WARNING
    assert told(days=13).message == "the certificate is good for 13 days"
    assert told(hours=-3) == Finding(
        "consul tls", Level.ERROR, "the certificate ended 3 hours ago", "Renew the certificate."
    )
    naive = certificate("x", "y", (EPOCH + timedelta(days=90)).replace(tzinfo=None), NOW)
    assert naive.level is Level.OK, "a time without a zone is UTC"


def test_a_credential_that_nobody_renews_is_told_before_its_end() -> None:
    def told(left_s: float | None, *, renewed: bool) -> Finding:
        return lifetime("consul token", "the token", left_s, renewed=renewed, hint="Supply another.")

    assert told(None, renewed=False).level is Level.OK
    assert told(30, renewed=True) == Finding("consul token", Level.OK, "the token ends in 30 s unless it is renewed")
    assert told(7200, renewed=False) == Finding(
        "consul token", Level.WARNING, "the token ends in 2 hours, and nobody renews it", "Supply another."
    )
    assert told(0, renewed=True).level is Level.ERROR

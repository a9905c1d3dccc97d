"""Whether a listing may be believed when it says that keys are gone. A pure decision; nothing is asked here.

Lists shrink for bad reasons: rights lost (Consul leaves out silently what a token may not read), an election, a restart
(hashicorp/consul#3975, hashicorp/consul-template#1131). Nothing is deleted because something looked empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do with an observed listing."""

    BELIEVE = "believe"
    CONFIRM = "confirm"
    """Ask once more, with the strongest consistency, and judge that answer as confirmed."""
    ALARM = "alarm"
    """Keep what is there and call a person: the listing is not the whole."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A listing as far as the guard cares.

    :ivar known: keys held before.
    :ivar missing: how many of them the listing does not have.
    :ivar left: keys in the listing.
    :ivar filtered: the server said that it left out what the token may not read.
    :ivar blind: the server cannot say so, because the query carried no token although tokens are asked for.
    :ivar confirmed: the listing came from a read with the strongest consistency.
    """

    known: int
    missing: int
    left: int
    filtered: bool = False
    blind: bool = False
    confirmed: bool = False


def judge(seen: Seen, share_max: float) -> Verdict:
    """What to do with a listing.

    :param share_max: the share of the known keys that may vanish at once without a second look, 0 to 1.
    """
    if seen.filtered:
        return Verdict.ALARM
    if not seen.missing:
        return Verdict.BELIEVE
    suspicious = seen.left == 0 or seen.missing > share_max * seen.known
    if not suspicious:
        return Verdict.BELIEVE
    if not seen.confirmed:
        return Verdict.CONFIRM
    return Verdict.ALARM if seen.blind else Verdict.BELIEVE

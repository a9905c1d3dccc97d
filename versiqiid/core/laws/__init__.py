"""The laws that a migration keeps, judged over what came of running it. Nothing is run and no input is made here.

Five laws, by the names that people read in a finding (``x`` fits the old schema, ``y`` the new one)::

    valid(new, up(x))              what goes up fits the new schema
    valid(old, down(y))            what goes down fits the old one
    down(up(x)) = x                up and down again changes nothing
    up(down(y, stash)) = y         nor does down and up again, given what the way down kept aside
    same bytes twice               a migration is a function

Which of two steps is "up" is told by the order of the versions; where they have none, by who asks. A stash helps on
either way back: a step that needs it is *lossless with stash*. A step may declare (``lossy``) what it loses, as JSON
Pointers into the documents it takes; a loss that no declaration covers breaks the law.

A step may also *decline* a document: a guest by saying so, a patch or lens because it does not apply. That is no answer
and loses nothing: the engine keeps its last good config. A guest that traps or runs over a limit has not declined.

``trip.py`` is one document on its way there and back, ``differences.py`` what differs between two documents,
``tally.py`` what many trips say about a step, ``finding.py`` how a broken law is told.
"""

from versiqiid.core.laws.differences import Difference, differences, same
from versiqiid.core.laws.finding import Finding, LawBroken
from versiqiid.core.laws.tally import Classification, Tally
from versiqiid.core.laws.trip import Breach, Carried, Declined, Failed, Result, Side, Terms, Trip, judge

__all__ = [
    "Breach",
    "Carried",
    "Classification",
    "Declined",
    "Difference",
    "Failed",
    "Finding",
    "LawBroken",
    "Result",
    "Side",
    "Tally",
    "Terms",
    "Trip",
    "differences",
    "judge",
    "same",
]

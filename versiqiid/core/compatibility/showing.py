"""Documents that show a verdict of rules: what the old schema takes and the new one refuses. Pure.

For languages whose rules alone decide: a document is shown where one is found, and changes nothing about the verdict.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Protocol

from versiqiid.core.compatibility.verdict import Broken, Judgement, Live, Witness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.violation import Violation

CANDIDATES_MAX: Final = 500
"""Documents that are tried at most. Arbitrary."""


class Documents(Protocol):
    """A schema that judges documents."""

    def violations(self, document: Json) -> tuple[Violation, ...]: ...


def shown(
    judgement: Judgement, old: Documents, new: Documents, made_up: Iterable[Json], live: tuple[Live, ...] = ()
) -> Judgement:
    """The judgement with the live documents that the new schema refuses, and if it says no, a document that shows it.

    :param made_up: candidates, small ones first; those that the old schema refuses do not count.
    """
    broken = tuple(_broken(old, new, live))
    if judgement.compatible:
        return replace(judgement, broken=broken)
    read = {each.name: each.document for each in live}
    ours = (Witness(read[each.name], each.violations, each.name) for each in broken)
    tried = ((document, new.violations(document)) for document in islice(made_up, CANDIDATES_MAX))
    others = (Witness(document, why) for document, why in tried if why and not old.violations(document))
    return replace(judgement, witness=next(chain(ours, others), None), broken=broken)


def _broken(old: Documents, new: Documents, live: tuple[Live, ...]) -> Iterator[Broken]:
    for each in live:
        if not old.violations(each.document) and (why := new.violations(each.document)):
            yield Broken(each.name, why)

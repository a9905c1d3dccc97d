"""What a subject of the registry endpoint promises, from a snapshot: the nearest word counts."""

from __future__ import annotations

import pytest

from tests.unit.test_linked import reads
from versiqiid.core.objects import read_family
from versiqiid.core.registry import records as r
from versiqiid.core.registry.promised import setting_of
from versiqiid.core.registry.subjects import GLOBAL, family_of

LEVELS = ("FULL_TRANSITIVE", "FULL", "FORWARD", "NONE")


@pytest.mark.parametrize("subject", ["plain", ":.near:inside"])
@pytest.mark.parametrize("said", range(4))
def test_subject_before_context_before_every_context(subject: str, said: int) -> None:
    """Said at the subject, its context and for all, and less and less of it; at last the protocol's default holds."""
    family = family_of(subject)
    context = r.subject_key(family_of(":.near:")) if subject.startswith(":") else r.ALL
    other = r.ALL if subject.startswith(":") else r.subject_key(family_of(":.near:"))
    places = [r.subject_key(family), context, r.subject_key(family_of(GLOBAL))]
    document = b'{"versioning": "sequence", "subject": "%s"}' % subject.encode()
    keys = {f"families/{family}": document, other: level("FORWARD_TRANSITIVE")}
    keys |= {place: level(told) for place, told in list(zip(places, LEVELS, strict=False))[said:]}
    expected = LEVELS[said] if said < len(places) else "BACKWARD"
    assert setting_of(reads(keys), family, read_family(document)).level == expected


def level(told: str) -> bytes:
    return r.Subject(settings={"compatibilityLevel": told}).as_bytes()

"""One reason why a document does not fit its schema, and how a verdict tells all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """A place, a rule, and what was expected there. Never the document's value.

    :ivar pointer: RFC 6901 pointer into the document, ``""`` for the root.
    :ivar keyword: the schema keyword that refused it, such as ``required``; ``false`` for the schema ``false``.
    :ivar message: what was expected, one sentence without the document's value.
    :ivar schema: where that keyword stands, as a pointer from the schema's root in which a step ``$ref`` goes where it
        refers to (https://json-schema.org/draft/2020-12/json-schema-core#section-12.3.1, "keyword location"). Empty
        when the validator that refused it does not tell.
    :ivar best: whether this one is most likely to blame, of all that were found (jsonschema's ``best_match``).
    """

    pointer: str
    keyword: str
    message: str
    schema: str = field(default="", compare=False)
    best: bool = field(default=False, compare=False)


def verdict(violations: Sequence[Violation]) -> dict[str, Any]:
    """What a verdict says: whether the document fits, why not, and which reason to look at first."""
    best = next((violation for violation in violations if violation.best), None)
    told: dict[str, Any] = {"valid": not violations, "violations": [_told(violation) for violation in violations]}
    return told | ({"bestMatch": _told(best)} if best else {})


def _told(violation: Violation) -> dict[str, str]:
    told = {"pointer": violation.pointer, "keyword": violation.keyword, "message": violation.message}
    return told | ({"schemaPointer": violation.schema} if violation.schema else {})

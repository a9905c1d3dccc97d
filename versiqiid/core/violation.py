"""One reason why a document does not fit its schema."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A place, a rule, and what was expected there. Never the document's value.

    :ivar pointer: RFC 6901 pointer into the document, ``""`` for the root.
    :ivar keyword: the schema keyword that refused it, such as ``required``; ``false`` for the schema ``false``.
    :ivar message: what was expected, one sentence without the document's value.
    """

    pointer: str
    keyword: str
    message: str

"""How a broken law is told: with the document that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versiqiid.core.violation import Violation
from versiqiid.errors import ValidationFailed

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.laws.trip import Breach


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken law of one step.

    :ivar input: the smallest document found that shows it; ``migrated``: what the step made of it.
    :ivar output: what stands on the left of the law.
    :ivar origin: ``generated``, or the key of the stored config from which the input was made smaller.
    """

    source: str
    destination: str
    breach: Breach
    input: Json
    migrated: Json
    origin: str = "generated"

    @property
    def sentence(self) -> str:
        """The finding in one line, without any value of a document."""
        return f"{self.source} to {self.destination} breaks {self.breach.law}: {self.breach.message}"

    def as_json(self) -> dict[str, Any]:
        return {
            "law": self.breach.law,
            "from": self.source,
            "to": self.destination,
            "input": self.input,
            "migrated": self.migrated,
            "output": self.breach.output,
            "pointer": self.breach.pointer,
            "lost": self.breach.lost,
            "message": self.breach.message,
            "origin": self.origin,
        }


class LawBroken(ValidationFailed):
    """A migration that breaks a law. Nothing was written.

    :param findings: with the documents that show it; they are told apart from the message, which holds no value.
    """

    code = "law_broken"

    def __init__(self, message: str, *, findings: tuple[Finding, ...], hint: str = "") -> None:
        violations = tuple(Violation(each.breach.pointer, each.breach.law, each.breach.message) for each in findings)
        super().__init__(message, violations=violations, hint=hint)
        self.findings = findings

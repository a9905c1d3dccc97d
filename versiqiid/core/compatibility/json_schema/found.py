"""One difference while it is being found: a rule and the place where it holds. Words are made at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from versiqiid.core.compatibility.json_schema.rules import RULES, Rule

if TYPE_CHECKING:
    from versiqiid.core.compatibility.json_schema.model import Node
    from versiqiid.core.compatibility.verdict import Side


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that holds at a place.

    :ivar detail: what the two schemas say there, for the sentence; never what a document holds.
    """

    rule: Rule
    pointer: str
    side: Side
    detail: str = ""


Differences: TypeAlias = tuple[Found, ...]


def found(rule: str, node: Node, *path: str | int, detail: str = "") -> Found:
    """The rule of that name at a place in the node's schema object."""
    return Found(RULES[rule], node.at(*path), node.reader.side, detail)


class Compare(Protocol):
    """What the rules of one kind may ask of the comparison that they are a part of."""

    def differences(self, old: Node, new: Node) -> Differences:
        """What is different between two schemas, each pair worked out once."""
        ...

    def fits(self, old: Node, new: Node) -> bool:
        """Whether none of these differences is breaking."""
        ...

    def compatible(self, differences: Differences) -> bool:
        """Whether none of these is breaking."""
        ...


def change(old: Any, new: Any) -> str:
    """What a keyword was and is, for numbers only: texts of a schema may be long."""
    return f" ({old} → {new})"

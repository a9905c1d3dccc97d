"""The value that every scheme's parser makes. How a text is read is the business of the parsers beside this module."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from versiqiid.errors import InvalidVersion

TEXT_CHARACTERS_MAX = 256
"""npm's limit for one version, taken for every scheme, so that no parser ever sees an unbounded text."""

_SHOWN_CHARACTERS_MAX = 60  # arbitrary: enough to recognise a typo in a status line


class Scheme(Enum):
    """How a target or family writes its versions; the values are the words of the key layout (``versioning``)."""

    SEMVER = "semver"
    PEP440 = "pep440"
    DATE = "date"
    GIT_SHA = "git-sha"
    SEQUENCE = "sequence"

    @property
    def ordered(self) -> bool:
        """Whether any two versions of this scheme can be compared."""
        return self is not Scheme.GIT_SHA


@dataclass(frozen=True, slots=True)
class Version:
    """One version. Two are equal when scheme, canonical form and build are: the text as written never matters.

    :ivar text: what was written, white space around it removed. Keys are looked up by it.
    :ivar canonical: the normal form without build, such as ``1.4.0-rc.1`` for ``v1.4.0-rc.1+5``.
    :ivar build: semver's build metadata or PEP 440's local part, empty when there is none.
    :ivar order_key: sorts versions of the same scheme; None where the scheme has no order.
    """

    scheme: Scheme
    text: str = field(compare=False)
    canonical: str
    build: str = ""
    order_key: Any = field(default=None, compare=False, repr=False)

    @property
    def identity(self) -> tuple[Scheme, str, str]:
        """What makes two versions the same one."""
        return (self.scheme, self.canonical, self.build)


def compare(a: Version, b: Version) -> int | None:
    """Minus one, zero or one as ``a`` is before, level with or after ``b``; None where the scheme has no order.

    Level is not the same: semver ignores build metadata in its order, the identity does not.

    :raises InvalidVersion: the two are of different schemes, so that neither answer would mean anything.
    """
    if a.scheme is not b.scheme:
        raise InvalidVersion(
            f"cannot compare {a.scheme.value} version {shown(a.text)} with {b.scheme.value} version {shown(b.text)}",
            hint="compare versions of one target or one family only",
        )
    if not a.scheme.ordered:
        return None
    return int(a.order_key > b.order_key) - int(a.order_key < b.order_key)


def shown(text: str) -> str:
    """The text in quotes, cut to a length that fits a sentence."""
    if len(text) > _SHOWN_CHARACTERS_MAX:
        return repr(text[:_SHOWN_CHARACTERS_MAX]) + "…"
    return repr(text)


def refuse(scheme: Scheme, text: str, expected: str) -> InvalidVersion:
    """The error for a text that is no version of its scheme."""
    return InvalidVersion(
        f"{shown(text)} is no {scheme.value} version: expected {expected}",
        hint=f"write it in that form, or change 'versioning' if these versions are not {scheme.value}",
    )

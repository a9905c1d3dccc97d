"""Ranges of versions: which versions a text such as ``^1.4`` or ``>=2025.07 <2026.01`` takes in.

``npm.py`` reads semver ranges, ``plain.py`` those of dates, sequences and git names; PEP 440 specifiers are read by
``core/versions/pep440.py``, which holds the door to their library. What a range decides is the business of others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from versiqiid.core.ranges.npm import npm_range
from versiqiid.core.ranges.plain import git_sha_range, ordered_range
from versiqiid.core.versions import Scheme, Version
from versiqiid.core.versions.pep440 import specifiers
from versiqiid.core.versions.version import shown
from versiqiid.errors import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TEXT_CHARACTERS_MAX", "Range", "parse_range"]

TEXT_CHARACTERS_MAX = 4096
"""The longest range that is read; arbitrary, far above what anybody writes by hand."""


@dataclass(frozen=True, slots=True)
class Range:
    """A set of versions of one scheme. Two ranges are equal when their texts are.

    :ivar text: what was written, white space around it removed.
    """

    scheme: Scheme
    text: str
    matches: Callable[[Version], bool] = field(compare=False, repr=False)

    def contains(self, version: Version) -> bool:
        """Whether the version is in the range.

        :raises InvalidVersion: the version is of another scheme, so that no answer would mean anything.
        """
        if version.scheme is not self.scheme:
            raise InvalidVersion(
                f"{self.scheme.value} range {shown(self.text)} cannot judge {version.scheme.value} version"
                f" {shown(version.text)}",
                hint="write the range in the scheme of the versions it is about",
            )
        return self.matches(version)


def parse_range(scheme: Scheme, text: str) -> Range:
    """The range that ``text`` describes. ``*`` and the empty text mean any version of the scheme.

    * ``semver``: npm semantics with default options (https://github.com/npm/node-semver#ranges): a pre-release is
      inside only if a comparator of the same alternative names a pre-release of the same MAJOR.MINOR.PATCH, so ``*``
      takes in no pre-release.
    * ``pep440``: specifiers with commas between them; a pre-release is inside only if one is named, ``*`` names none.
    * ``date`` and ``sequence``: exact versions and ``>= > < <= =``, side by side for "and", ``||`` for "or".
    * ``git-sha``: exact versions (``=`` allowed before them) and ``||``.

    :param text: at most 4,096 characters.
    :raises InvalidVersion: no range of that scheme; the message names the part that is none.
    """
    trimmed = text.strip()
    if len(trimmed) > TEXT_CHARACTERS_MAX:
        raise InvalidVersion(
            f"{shown(trimmed)} is too long for a range: {len(trimmed)} characters, limit {TEXT_CHARACTERS_MAX}",
            hint="split it over several ranges",
        )
    return Range(scheme, trimmed, _matcher(scheme, trimmed))


def _matcher(scheme: Scheme, text: str) -> Callable[[Version], bool]:
    match scheme:
        case Scheme.SEMVER:
            return npm_range(text)
        case Scheme.PEP440:
            return specifiers("" if text == "*" else text)
        case Scheme.DATE | Scheme.SEQUENCE:
            return ordered_range(scheme, text)
        case Scheme.GIT_SHA:
            return git_sha_range(text)
        case _:  # pragma: no cover - the type checker proves that this is unreachable
            assert_never(scheme)

"""Versions of targets and schemas: which text is one, which two are the same, and which comes first.

Five schemes behind one small value, :class:`Version`. Ranges of versions live in ``core/ranges``; nothing here knows
what a version is used for. The third-party libraries ``semver`` and ``packaging`` are imported by ``semantic.py`` and
``pep440.py`` and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from versiqiid.core.versions.pep440 import parse_pep440
from versiqiid.core.versions.plain import parse_date, parse_git_sha, parse_sequence
from versiqiid.core.versions.semantic import parse_semver
from versiqiid.core.versions.version import TEXT_CHARACTERS_MAX, Scheme, Version, compare, refuse

if TYPE_CHECKING:
    from typing import Any

__all__ = ["TEXT_CHARACTERS_MAX", "Scheme", "Version", "compare", "order_key", "parse"]


def parse(scheme: Scheme, text: str) -> Version:
    """The version that ``text`` names, white space around it ignored. Equal versions have equal identities.

    * ``semver``: `Semantic Versioning 2.0.0 <https://semver.org>`_ as ``semver.valid`` of npm reads it by default: one
      leading ``v`` is accepted, numbers go up to 2^53 - 1, ``=1.2.3`` and ``1.2`` are none. Build metadata is kept for
      the identity and ignored by the order.
    * ``pep440``: `PEP 440 <https://peps.python.org/pep-0440/>`_; ``1.0`` and ``1.0.0`` are the same version, and the
      local part (``+ubuntu1``) is the build.
    * ``date``: a calendar date, see :func:`versiqiid.core.versions.plain.parse_date`.
    * ``git-sha``: 7 to 40, or exactly 64, hexadecimal digits. No order; an abbreviation is not the full name.
    * ``sequence``: 0, 1, 2 …, without leading zeros.

    :param text: at most 256 characters after trimming (npm's limit, taken for every scheme).
    :raises InvalidVersion: no version of that scheme; the message says what was expected.
    """
    trimmed = text.strip()
    if len(trimmed) > TEXT_CHARACTERS_MAX:
        raise refuse(scheme, trimmed, f"at most {TEXT_CHARACTERS_MAX} characters, found {len(trimmed)}")
    match scheme:
        case Scheme.SEMVER:
            return parse_semver(trimmed)
        case Scheme.PEP440:
            return parse_pep440(trimmed)
        case Scheme.DATE:
            return parse_date(trimmed)
        case Scheme.GIT_SHA:
            return parse_git_sha(trimmed)
        case Scheme.SEQUENCE:
            return parse_sequence(trimmed)
        case _:  # pragma: no cover - the type checker proves that this is unreachable
            assert_never(scheme)


def order_key(version: Version) -> Any:
    """A key that sorts versions of one ordered scheme as :func:`compare` does; None where there is no order (git-sha).

    Keys of different schemes cannot be compared with each other.
    """
    return version.order_key

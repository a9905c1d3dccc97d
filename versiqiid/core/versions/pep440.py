"""Python's versions and specifiers, by ``packaging``. The only importer of ``packaging``.

Sources: https://peps.python.org/pep-0440/, kept today at
https://packaging.python.org/en/latest/specifications/version-specifiers/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion as NoVersion
from packaging.version import Version as PythonVersion

from versiqiid.core.versions.version import Scheme, Version, refuse, shown
from versiqiid.errors import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Callable

_EXPECTED = "a PEP 440 version such as 1.4, 2.0rc1 or 1.0.post2"


def parse_pep440(text: str) -> Version:
    """See :func:`versiqiid.core.versions.parse`.

    The canonical form drops trailing zeros, because PEP 440 compares release segments "with the shorter segment padded
    out with additional zeros as necessary": equal in order and equal in identity must not fall apart.
    """
    try:
        parsed = PythonVersion(text)
    except NoVersion:
        raise refuse(Scheme.PEP440, text, _EXPECTED) from None
    public = canonicalize_version(parsed.public, strip_trailing_zero=True)
    return Version(Scheme.PEP440, text, public, parsed.local or "", parsed)


def specifiers(text: str) -> Callable[[Version], bool]:
    """The test that a comma-separated list of specifiers makes; the empty list takes every release.

    A pre-release (dev releases included) passes only when a specifier names one. ``packaging`` counts every operator
    but ``!=`` as naming, and we follow it; its own default for a single version would let any pre-release through.

    :raises InvalidVersion: the text is no list of specifiers.
    """
    clauses = text.split(",") if text.strip() else []
    if any(not clause.strip() for clause in clauses):
        raise InvalidVersion(
            f"{shown(text)} is no pep440 range: expected a specifier between the commas", hint="remove the extra comma"
        )
    try:
        parsed = SpecifierSet(text)
    except InvalidSpecifier:
        raise InvalidVersion(
            f"{shown(text)} is no pep440 range: expected PEP 440 specifiers with commas between them, such as >=1.4,<2",
            hint="write ==1.4 for exactly one version; || is for the other schemes",
        ) from None
    named = bool(parsed.prereleases)

    def matches(version: Version) -> bool:
        return parsed.contains(version.order_key, prereleases=named)

    return matches

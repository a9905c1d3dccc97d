"""Semantic versions, read by the ``semver`` library and held to what npm accepts. The only importer of ``semver``.

Sources: https://semver.org (2.0.0), items 2, 9, 10 and 11; npm's ``semver.valid`` with default options.
"""

from __future__ import annotations

import semver

from versiqiid.core.versions.version import Scheme, Version, refuse

NUMBER_MAX = 2**53 - 1
"""npm's bound for major, minor and patch (the largest integer that every IEEE double counts exactly)."""

_EXPECTED = (
    "MAJOR.MINOR.PATCH, then -PRERELEASE and +BUILD where needed, such as 1.4.0 or 2.0.0-rc.1 (semver.org 2.0.0)"
)


def parse_semver(text: str) -> Version:
    """See :func:`versiqiid.core.versions.parse`."""
    try:
        parsed = semver.Version.parse(text.removeprefix("v"))
    except ValueError:  # not chained: the library's sentence says less than ours
        raise refuse(Scheme.SEMVER, text, _EXPECTED) from None
    if max(parsed.major, parsed.minor, parsed.patch) > NUMBER_MAX:
        raise refuse(Scheme.SEMVER, text, f"numbers up to {NUMBER_MAX}")
    core = f"{parsed.major}.{parsed.minor}.{parsed.patch}"
    return Version(
        Scheme.SEMVER,
        text,
        f"{core}-{parsed.prerelease}" if parsed.prerelease else core,
        parsed.build or "",
        (parsed.major, parsed.minor, parsed.patch, _precedence(parsed.prerelease)),
    )


def _precedence(prerelease: str | None) -> tuple[object, ...]:
    """Item 11 as a key: a release after its pre-releases, numbers before words, the longer of two equal starts last.

    A key, because the library's own comparison parses and dispatches for 6 µs each time, and planning sorts thousands.
    """
    if not prerelease:
        return (1,)
    return (0, *((0, int(part), "") if part.isdigit() else (1, 0, part) for part in prerelease.split(".")))

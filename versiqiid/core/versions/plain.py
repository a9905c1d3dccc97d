"""The schemes that need no library: calendar dates, git object names, and plain numbers.

Sources: ISO 8601 calendar dates and https://calver.org (YYYY, MM, 0M, DD, 0D, MICRO);
https://git-scm.com/docs/gitrevisions ("<sha1>") and https://git-scm.com/docs/hash-function-transition (64 digits).
"""

from __future__ import annotations

import re
from datetime import date

from versiqiid.core.versions.version import Scheme, Version, refuse

_DASHED = re.compile(r"([1-9]\d{3})-(\d\d)(?:-(\d\d)(?:\.(0|[1-9]\d*))?)?", re.ASCII)
_DOTTED = re.compile(r"([1-9]\d{3})\.(\d\d?)(?:\.(\d\d?)(?:\.(0|[1-9]\d*))?)?", re.ASCII)
_COMPACT = re.compile(r"([1-9]\d{3})(\d\d)(\d\d)(?:\.(0|[1-9]\d*))?", re.ASCII)
_GIT_SHA = re.compile(r"[0-9a-f]{7,40}|[0-9a-f]{64}")
_SEQUENCE = re.compile(r"0|[1-9]\d*", re.ASCII)

_NO_DAY = 0
_NO_COUNTER = -1


def parse_date(text: str) -> Version:
    """A day or a month of the Gregorian calendar, and for a day perhaps a counter.

    Four spellings of the same things: ``2025-07-03`` and ``2025-07`` (two digits), ``2025.07.03``, ``2025.7.3`` and
    ``2025.07`` (one or two), ``20250703``; a counter follows a day after a dot: ``2025.07.03.2``. Years are 1000 to
    9999. The canonical form is ``2025-07``, ``2025-07-03`` or ``2025-07-03.2``.

    Order: by date, a month before all of its days, a day before its counters (``…-03`` < ``…-03.0`` < ``…-03.1``).

    :raises InvalidVersion: another form, or a day that the calendar does not have.
    """
    found = _DASHED.fullmatch(text) or _DOTTED.fullmatch(text) or _COMPACT.fullmatch(text)
    if not found:
        raise refuse(
            Scheme.DATE, text, "YYYY-MM-DD, YYYY-MM, YYYY.MM.DD, YYYY.MM or YYYYMMDD, a day perhaps with a counter .N"
        )
    year, month, day, counter = (None if part is None else int(part) for part in found.groups())
    try:
        date(year or 0, month or 0, 1 if day is None else day)
    except ValueError:
        raise refuse(Scheme.DATE, text, "a day that is in the calendar") from None
    canonical = f"{year:04}-{month:02}"
    if day is not None:
        canonical += f"-{day:02}"
    if counter is not None:
        canonical += f".{counter}"
    key = (year, month, _NO_DAY if day is None else day, _NO_COUNTER if counter is None else counter)
    return Version(Scheme.DATE, text, canonical, "", key)


def parse_git_sha(text: str) -> Version:
    """See :func:`versiqiid.core.versions.parse`. No repository is asked, so an abbreviation only equals itself."""
    canonical = text.lower()
    if not text.isascii() or not _GIT_SHA.fullmatch(canonical):
        raise refuse(Scheme.GIT_SHA, text, "7 to 40, or 64, hexadecimal digits such as 1b7f3e9")
    return Version(Scheme.GIT_SHA, text, canonical)


def parse_sequence(text: str) -> Version:
    """See :func:`versiqiid.core.versions.parse`."""
    if not _SEQUENCE.fullmatch(text):
        raise refuse(Scheme.SEQUENCE, text, "a whole number from 0 up without leading zeros, such as 17")
    return Version(Scheme.SEQUENCE, text, text, "", int(text))

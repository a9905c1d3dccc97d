"""What of an entry and of a document is searched, and what a searcher's words mean. Pure: the index is an adapter's.

Any FTS5 table with the columns ``entry`` and ``document`` understands the expressions made here
(https://www.sqlite.org/fts5.html, section 3).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from versiqiid.errors import InvalidInput, JournalRefused

COLUMNS = ("entry", "document")
WORDS_MAX: Final = 32
WORD_CHARACTERS_MAX: Final = 256
"""Together these bound what one question costs. Arbitrary: more than anybody types."""

POSITION_MAX: Final = 2**62
_NUL = b"\0"
_ASCII = re.compile("[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an index has come. ``root``: in hex, of the log over the entries in it; empty when there are none."""

    origin: str = ""
    position: int = 0
    root: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched for: all of the words, in entries older than ``before``, the newest ``limit`` of them.

    :ivar within: one of ``COLUMNS``; None = wherever.
    """

    words: tuple[str, ...]
    within: str | None = None
    limit: int = 20
    before: int = POSITION_MAX


@dataclass(frozen=True, slots=True)
class Text:
    """One entry's words. ``documents``: digests that are indexed with it."""

    position: int
    entry: str
    document: str
    documents: tuple[str, ...] = ()


def texts(entry: bytes, position: int) -> tuple[str, tuple[str, ...]]:
    """What is searched of an entry, and the digests of the documents that were recorded with it.

    Every value of the entry is text, no member's name is: a search for "data" should not find everything.

    :raises JournalRefused: ``entry``: not JSON of ours.
    """
    try:
        told = json.loads(entry)
        data = told["data"]
        seen = data.get("observed")
        named = [seen.get("digest") if isinstance(seen, dict) else None, data.get("digest"), told.get("wholeDigest")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JournalRefused("entry", f"position {position}", "not an entry of a journal") from error
    digests = dict.fromkeys(name for name in named if isinstance(name, str) and name)
    return "\n".join(_values(told)), tuple(digests)


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from _values(member)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def document_text(raw: bytes) -> str:
    """What is searched of a document: all of it, names included; nothing of what is no text, such as a module."""
    if _NUL in raw:
        return ""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def check(words: Sequence[str]) -> None:
    """Return when these words can be searched for.

    :raises InvalidInput: no word, too many of them, one that is too long, or one without a letter or digit.
    """
    if not 1 <= len(words) <= WORDS_MAX:
        raise InvalidInput(f"expected 1 to {WORDS_MAX} words, not {len(words)}")
    for word in words:
        if len(word) > WORD_CHARACTERS_MAX or "\0" in word or not tokens(word):
            wanted = f"a letter or a digit in it, and at most {WORD_CHARACTERS_MAX} characters"
            raise InvalidInput(f"word {word[:80]!r}: expected {wanted}")


def expression(words: Sequence[str], column: str | None = None) -> str:
    """All of the words, each as it stands: ``av-engine`` is one phrase, ``releas*`` anything that begins so.

    :param column: one of ``COLUMNS``; None = wherever.
    :raises InvalidInput: as ``check``.
    """
    check(words)
    found = " AND ".join(_phrase(word) for word in words)
    return found if column is None else f"{{{column}}} : ({found})"


def _phrase(word: str) -> str:
    stem = word.removesuffix("*")
    quoted = stem.replace('"', '""')
    return f'"{quoted}"' + (" *" if stem != word else "")


def tokens(text: str) -> list[str]:
    """The text as FTS5 cuts it with ``unicode61 remove_diacritics 2``: runs of letters and digits, without case and
    accents. For an index that is told where to cut.
    """
    if text.isascii():
        return _ASCII.findall(text.lower())
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.category(c).startswith("M"))
    return "".join(c if unicodedata.category(c)[0] in "LN" else " " for c in plain.lower()).split()

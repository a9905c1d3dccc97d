"""What of an entry and of a document is searched, and what a searcher's words mean. Pure: the index is an adapter's.

Any FTS5 table with the columns ``entry`` and ``document`` understands the expressions made here
(https://www.sqlite.org/fts5.html, section 3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from versiqiid.errors import InvalidInput, JournalRefused

COLUMNS = ("entry", "document")
_WORDS_MAX = 32
_NUL = b"\0"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an index has come. ``root``: in hex, of the log over the entries in it; empty when there are none."""

    origin: str = ""
    position: int = 0
    root: str = ""


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


def expression(words: Sequence[str], column: str | None = None) -> str:
    """All of the words, each as it stands: ``av-engine`` is one phrase, ``releas*`` anything that begins so.

    :param column: one of ``COLUMNS``; None = wherever.
    :raises InvalidInput: no word, too many of them, or one without a letter or digit.
    """
    if not 1 <= len(words) <= _WORDS_MAX:
        raise InvalidInput(f"expected 1 to {_WORDS_MAX} words, not {len(words)}")
    found = " AND ".join(_phrase(word) for word in words)
    return found if column is None else f"{{{column}}} : ({found})"


def _phrase(word: str) -> str:
    stem = word.removesuffix("*")
    if not any(character.isalnum() for character in stem) or "\0" in stem:
        raise InvalidInput(f"word {word[:80]!r}: expected a letter or a digit in it")
    quoted = stem.replace('"', '""')
    return f'"{quoted}"' + (" *" if stem != word else "")

"""A document's values taken out of words that somebody else made of it: a guest may quote what it was given."""

from __future__ import annotations

from collections.abc import Iterator

from versiqiid.core.canonical import Json
from versiqiid.core.limits import pointer_token

CHARACTERS_MIN = 4
"""Shorter values are left: they stand in any sentence by chance. Arbitrary; a secret of three characters is none."""


def masked(text: str, document: Json) -> str:
    """The text with each value of the document that it quotes replaced by the place where the value stands.

    What a guest has made of a value, such as its digits turned round, is not recognised.
    """
    quoted = {value: pointer for pointer, value in _values(document, "") if value in text}
    for value in sorted(quoted, key=len, reverse=True):
        text = text.replace(value, f"‹{quoted[value]}›")
    return text


def _values(value: Json, pointer: str) -> Iterator[tuple[str, str]]:
    """Places and texts of the values that are long enough, the document's own order."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _values(inner, pointer + pointer_token(name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _values(inner, pointer + pointer_token(at))
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        words = str(value).strip()
        if len(words) >= CHARACTERS_MIN:
            yield pointer, words

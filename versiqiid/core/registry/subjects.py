"""Which family a subject is. Subjects may hold any character, families are key segments; nothing is looked up here.

A subject may be qualified with a context, ``:.<context>:<subject>``; ``:.:<subject>`` is the default context, which is
written without. Every context has its own subjects; ids are common to all of them. A context's own name,
``:.<context>:`` (the second colon may be left out), stands for what is said of all its subjects, and ``:.__GLOBAL:``
for what is said of the subjects of every context.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from versiqiid.core.keys import is_segment

DEFAULT_CONTEXT: Final = "."
ANY_CONTEXT: Final = ":*:"
GLOBAL: Final = ":.__GLOBAL:"
_QUALIFIED: Final = re.compile(r":(\.[^:]*)(?::(.*))?\Z", re.DOTALL)
_HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")
_RESERVED: Final = frozenset({"__GLOBAL", "__EMPTY", ".__GLOBAL"})  # clients mean all subjects by these
_SUBJECT_CHARACTERS_MAX: Final = 1_000  # arbitrary: topic names have at most 249


def family_of(subject: str) -> str:
    """The family that a subject is: itself where it is a key segment, else a name made from its digest."""
    subject = plain(subject)
    if is_segment(subject):
        return subject
    return f"sr-{hashlib.sha256(subject.encode()).hexdigest()[:16]}"


def plain(subject: str) -> str:
    """The one way to write a subject: the default context is left out."""
    context, name = split(subject)
    return name if context == DEFAULT_CONTEXT else f":{context}:{name}"


def split(subject: str) -> tuple[str, str]:
    """The context and the name in it."""
    found = _QUALIFIED.match(subject)
    return (found[1], found[2] or "") if found else (DEFAULT_CONTEXT, subject)


def context_of(told: str) -> str:
    """The context that somebody names with or without its colons and its dot.

    :raises ValueError: there is a colon in it.
    """
    name = told.removeprefix(":").removesuffix(":")
    if ":" in name:
        raise ValueError(told)
    return name if name.startswith(".") else f".{name}"


def is_context(subject: str) -> bool:
    """Whether this is a context's own name and no subject of it."""
    return not split(subject)[1]


def within(context: str, subject: str) -> str:
    """A subject as meant by somebody who speaks of one context; one that is qualified already stays as it is."""
    return subject if _QUALIFIED.match(subject) else plain(f":{context}:{subject}")


def is_subject(subject: str) -> bool:
    """Whether this can name a subject: neither blank nor with control characters, and no setting's name."""
    context, name = split(subject)
    fits = 0 < len(subject) <= _SUBJECT_CHARACTERS_MAX and bool(name.strip())
    return fits and not _HIDDEN.search(subject) and not {name, context} & _RESERVED


def is_listed(subject: str, prefix: str) -> bool:
    """Whether a list of subjects with this prefix shows it; ``:*:`` is every context."""
    if prefix.startswith(ANY_CONTEXT):
        return split(subject)[1].startswith(prefix.removeprefix(ANY_CONTEXT))
    context, name = split(prefix)
    return split(subject)[0] == context and split(subject)[1].startswith(name)

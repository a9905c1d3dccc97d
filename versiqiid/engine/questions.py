"""Schemas as questions to a validator: with all that they refer to, found under the same root."""

from __future__ import annotations

from versiqiid.core.linked import Linked, linked
from versiqiid.core.objects import Family
from versiqiid.core.snapshot import Reads
from versiqiid.ports import ValidationRequest


def question(
    reads: Reads, described: Family, place: tuple[str, str | None], raw: bytes | None = None
) -> ValidationRequest:
    """The schema as a question, its document left out.

    :param place: its family and version. :param raw: its text, where that is not what is stored.
    :raises UnusableSchema: what it refers to is missing. :raises Unreadable: it is no text of its language.
    """
    return asked(linked(reads, described.language, place, raw), described)


def asked(schema: Linked, described: Family) -> ValidationRequest:
    """What was linked, as a question.

    :raises UnusableSchema: one of its parts is no text of the language.
    """
    return ValidationRequest(
        schema.value(),
        schema.digest,
        None,
        described.formats == "assert",
        language=described.language,
        message=described.message,
        references=() if described.language == "json-schema" else schema.references(),
    )

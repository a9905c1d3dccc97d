"""What goes into a migration guest and what comes out, as JSON. How a guest is run, and which, is not known here.

In: ``{config, context: {family, from, to}, stash?}``, in RFC 8785 form, and nothing about the environment, so that one
result holds for every binding of the same document and step. Out: exactly one of ``{config, stash?, notes?}`` and
``{error, pointer?}``; numbers as RFC 8785 writes them are taken, so that what came in may go out as it is. A guest is
not trusted: whatever else it says is a failure of the migration, and its own words are cut and cleaned before anybody
reads them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, NoReturn

from versiqiid.core import json_text
from versiqiid.core.canonical import Json, canonical
from versiqiid.core.document import check_value
from versiqiid.core.limits import DOCUMENT_LIMITS, Limits
from versiqiid.errors import MigrationFailed, Unreadable

NOTES_MAX = 100
SENTENCE_CHARACTERS_MAX = 1_000
POINTER_CHARACTERS_MAX = 1_000
OUTPUT_BYTES_MAX = 2 * DOCUMENT_LIMITS.bytes_max + 100_000
"""Room for a config, a stash and notes; the config and the stash are each judged as a document afterwards."""

_OUTPUT_LIMITS = Limits(
    bytes_max=OUTPUT_BYTES_MAX,
    depth_max=DOCUMENT_LIMITS.depth_max + 1,
    values_max=2 * DOCUMENT_LIMITS.values_max + NOTES_MAX + 4,
)
_RESULT: Final = frozenset({"config", "stash", "notes"})
_REFUSAL: Final = frozenset({"error", "pointer"})
_HINT: Final = "A guest answers exactly one of {config, stash?, notes?} and {error, pointer?}, as UTF-8 JSON."

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co"})

# RFC 6901, section 3: tokens after slashes, in which ~ stands only before 0 or 1.
_is_pointer = re.compile(r"(?:/(?:[^/~]|~[01])*)*\Z").match


class GuestRefused(MigrationFailed):
    """The guest's own word: it answered ``{error, pointer?}``. Any other failure is not of its choosing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a migration made of a config.

    :ivar stash: what the config could not express in its new version; None = nothing.
    :ivar notes: remarks for the operator, each one line of at most 1,000 characters.
    """

    config: Json
    stash: Json = None
    notes: tuple[str, ...] = ()


def build(config: Json, *, family: str, frm: str, to: str, stash: Json = None) -> bytes:
    """The envelope: equal arguments give equal bytes, so that its digest may name the result.

    :param config: a document within the document limits, as ``document.read`` gives it.
    :param frm: the schema version that the config is written for.
    :param to: the schema version that it shall be written for.
    :param stash: what an earlier step in the other direction kept aside; None = nothing.
    """
    envelope: dict[str, Json] = {"config": config, "context": {"family": family, "from": frm, "to": to}}
    if stash is not None:
        envelope["stash"] = stash
    return canonical(envelope)


def interpret(output: bytes) -> Answer:
    """What the guest answered.

    :param output: what it gave, untouched.
    :raises GuestRefused: the guest refused: its sentence and pointer.
    :raises MigrationFailed: this is no answer at all; what the guest gave is never quoted.
    """
    members = _object(output)
    if "error" in members:
        _only(members, _REFUSAL)
        raise GuestRefused(_refusal(members["error"]), pointer=_pointer(members.get("pointer")))
    if "config" not in members:
        _no_answer("an object with config or error")
    _only(members, _RESULT)
    answer = Answer(members["config"], members.get("stash"), _notes(members.get("notes", [])))
    _judge(answer.config, "config")
    _judge(answer.stash, "stash")
    return answer


def sentence(text: str) -> str:
    """A guest's words as one line that is safe in a status, a log and a terminal: at most 1,000 characters.

    White space becomes single blanks; control, format, surrogate and private characters (by Unicode category) go.
    """
    line = " ".join(text[: 4 * SENTENCE_CHARACTERS_MAX].split())
    kept = "".join(character for character in line if unicodedata.category(character) not in _UNSEEN).strip()
    return kept if len(kept) <= SENTENCE_CHARACTERS_MAX else kept[: SENTENCE_CHARACTERS_MAX - 1] + "…"


def _no_answer(expected: str) -> NoReturn:
    raise MigrationFailed(f"output is not {expected}", hint=_HINT)


def _object(output: bytes) -> dict[str, Json]:
    if len(output) > OUTPUT_BYTES_MAX:
        raise MigrationFailed(f"output is not within {OUTPUT_BYTES_MAX:,} bytes but has {len(output):,}", hint=_HINT)
    try:
        value = json_text.parse(output.decode(), _OUTPUT_LIMITS, by_rule=True)
    except UnicodeDecodeError as error:
        raise MigrationFailed(f"output is not UTF-8 at byte {error.start}", hint=_HINT) from None
    except json_text.NotJson as error:
        raise MigrationFailed(f"output is not JSON at character {error.offset}", hint=_HINT) from None
    except Unreadable as error:
        raise MigrationFailed(f"output is not acceptable JSON: {error.message}", hint=_HINT) from None
    if not isinstance(value, dict):
        _no_answer("a JSON object")
    return value


def _only(members: dict[str, Json], known: frozenset[str]) -> None:
    unknown = len(members.keys() - known)
    if unknown:
        _no_answer(f"an object with {' and '.join(sorted(known))} only: it has {unknown} other members")


def _refusal(error: Json) -> str:
    if not isinstance(error, str) or not sentence(error):
        _no_answer("an object whose error is a sentence")
    return sentence(error)


def _pointer(pointer: Json) -> str | None:
    if pointer is None:
        return None
    if not isinstance(pointer, str) or len(pointer) > POINTER_CHARACTERS_MAX or not _is_pointer(pointer):
        _no_answer("an object whose pointer is an RFC 6901 JSON Pointer")
    if not pointer.isprintable():
        _no_answer("an object whose pointer can be printed")
    return pointer


def _notes(notes: Json) -> tuple[str, ...]:
    if not isinstance(notes, list) or len(notes) > NOTES_MAX or not all(isinstance(note, str) for note in notes):
        _no_answer(f"an object whose notes are a list of at most {NOTES_MAX} sentences")
    return tuple(sentence(note) for note in notes)


def _judge(value: Json, name: str) -> None:
    try:
        check_value(value)
    except Unreadable as error:
        raise MigrationFailed(
            f"output is not within the document limits: {name} is {error.message}", hint=_HINT
        ) from None

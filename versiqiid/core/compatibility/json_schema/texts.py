"""Texts that match a pattern or have a format, made up. A guess that turns out wrong costs nothing: every document is
judged by the schemas before anybody believes in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from versiqiid.core.schema.keywords import matches

_TRIED: Final = "aA0_-. z9Z/:@é~!x"  # what is tried for classes that say what they are not
_CLASSES: Final = {"d": "05", "w": "aZ0_", "s": " ", "D": "a-", "W": "-.", "S": "a0"}
_ESCAPES: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "0": "\0"}
_ROUNDS: Final = 6  # ways through a pattern that are tried; arbitrary
_MORE: Final = 3  # how often something is repeated at most where once would do
_LENGTH_MAX: Final = 300

_FORMATS: Final = {
    "date-time": ("2024-02-29T12:00:00Z", "1999-12-31T23:59:60Z"),
    "date": ("2024-02-29", "1999-12-31"),
    "time": ("12:00:00Z",),
    "duration": ("P1D", "PT1H"),
    "email": ("a@example.com",),
    "idn-email": ("a@example.com",),
    "hostname": ("example.com",),
    "idn-hostname": ("example.com",),
    "ipv4": ("127.0.0.1",),
    "ipv6": ("::1",),
    "uri": ("https://example.com/a",),
    "uri-reference": ("/a",),
    "iri": ("https://example.com/a",),
    "iri-reference": ("/a",),
    "uri-template": ("/a/{b}",),
    "uuid": ("00000000-0000-4000-8000-000000000000",),
    "json-pointer": ("/a",),
    "relative-json-pointer": ("0/a",),
    "regex": ("^a$",),
}


def of_format(name: str) -> tuple[str, ...]:
    """Texts of that format; none for a format that is not known here."""
    return _FORMATS.get(name, ())


@lru_cache(maxsize=1024)
def of_pattern(pattern: str, length: int | None = None) -> tuple[str, ...]:
    """Texts that match the pattern, shortest first; none where none was found.

    :param pattern: one that the schema compiler took.
    :param length: how long they have to be, None = as it comes.
    """
    found = dict.fromkeys(_Writer(pattern, round_).run() for round_ in range(_ROUNDS))
    if length is not None:
        found = dict.fromkeys(longer for text in found for longer in _stretched(text, length))
    return tuple(sorted((text for text in found if len(text) <= _LENGTH_MAX and matches(pattern, text)), key=len))


def _stretched(text: str, length: int) -> tuple[str, ...]:
    """The text made that long in the ways in which most patterns let a text grow."""
    missing = length - len(text)
    if missing <= 0:
        return (text[:length],)
    return text + text[-1:] * missing, text + "x" * missing, "x" * missing + text, text[:1] * missing + text


_Write: TypeAlias = Callable[[], str]


@dataclass(slots=True)
class _Writer:
    """Reads a pattern from left to right and writes a text that follows it.

    :ivar round: which way is taken: which alternative, which member of a class, how often beyond the least.
    """

    source: str
    round: int
    at: int = 0
    choices: int = field(default=0)

    def run(self) -> str:
        return self._alternatives()()

    def _alternatives(self) -> _Write:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[self._choose(len(branches))]

    def _sequence(self) -> _Write:
        parts: list[_Write] = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            parts.append(self._repeated(self._term()))
        return lambda: "".join(part() for part in parts)

    def _repeated(self, term: _Write) -> _Write:
        low, high = self._quantifier()
        self._take("?")
        times = min(low + self.round % (_MORE + 1), high) if self.round else low
        return lambda: (term() if times else "") * min(times, _LENGTH_MAX)

    def _quantifier(self) -> tuple[int, int]:
        if self._take("*"):
            return 0, _MORE
        if self._take("+"):
            return 1, 1 + _MORE
        if self._take("?"):
            return 0, 1
        end = self.source.find("}", self.at)
        if self.source.startswith("{", self.at) and end > 0:
            low, comma, high = self.source[self.at + 1 : end].partition(",")
            if low.isdigit() and (not high or high.isdigit()):
                self.at = end + 1
                return int(low), int(high) if high else int(low) + (_MORE if comma else 0)
        return 1, 1

    def _term(self) -> _Write:
        character = self.source[self.at]
        self.at += 1
        if character in "^$":
            return lambda: ""
        if character == "(":
            for opening in ("?:", "?i:", "?-i:"):
                if self.source.startswith(opening, self.at):
                    self.at += len(opening)
            if self.source.startswith("?<", self.at):
                self.at = self.source.find(">", self.at) + 1
            inner = self._alternatives()
            self._take(")")
            return inner
        if character == "[":
            return self._one_of(self._class())
        if character == ".":
            return self._one_of("ax0")
        if character == "\\":
            return self._one_of(self._escape())
        return lambda: character

    def _one_of(self, members: str) -> _Write:
        chosen = members[self._choose(len(members))] if members else ""
        return lambda: chosen

    def _class(self) -> str:
        negated = self._take("^")
        members: list[str] = []
        while self.at < len(self.source) and not self._take("]"):
            first = self._member()
            if self.source.startswith("-", self.at) and not self.source.startswith("-]", self.at):
                self.at += 1
                last = self._member()
                ends = (ord(first[:1] or "-"), ord(last[:1] or "-"))
                members.extend(chr(code) for code in sorted({ends[0], (ends[0] + ends[1]) // 2, ends[1]}))
                if negated:
                    members.extend(tried for tried in _TRIED if ends[0] <= ord(tried) <= ends[1])
            else:
                members.append(first)
        inside = "".join(members)
        return "".join(tried for tried in _TRIED if tried not in inside) if negated else inside

    def _member(self) -> str:
        character = self.source[self.at : self.at + 1]
        self.at += 1
        return self._escape() if character == "\\" else character

    def _escape(self) -> str:
        letter = self.source[self.at : self.at + 1]
        self.at += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in {"p", "P"}:
            end = self.source.find("}", self.at)
            name, self.at = self.source[self.at : end], end + 1
            return "1a" if "N" in name else "A" if "Lu" in name else "-." if "P" in name or "S" in name else "aé"
        if letter in {"b", "B"}:
            return ""
        if letter in {"x", "u"}:
            return self._code(2 if letter == "x" else 4)
        return _ESCAPES.get(letter, letter)

    def _code(self, digits: int) -> str:
        if self._take("{"):
            digits = self.source.find("}", self.at) - self.at
            code = self.source[self.at : self.at + digits]
            self.at += digits + 1
        else:
            code = self.source[self.at : self.at + digits]
            self.at += digits
        number = int(code, 16)
        return chr(number) if not 0xD800 <= number <= 0xDFFF else ""  # noqa: PLR2004 -- the surrogates

    def _take(self, text: str) -> bool:
        if not self.source.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _choose(self, among: int) -> int:
        """A way among several: another one in each round, and at each place."""
        self.choices += 1
        return (self.round + (self.choices if self.round > 1 else 0)) % among if self.round else 0

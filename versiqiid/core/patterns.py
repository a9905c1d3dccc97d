r"""Regular expressions of schemas: from ECMA-262 to a linear-time engine, meaning kept. Nothing is matched here.

JSON Schema says that patterns are ECMA-262 regular expressions with Unicode semantics; the engine that both validators
use is Rust's ``regex``, which never backtracks and therefore knows neither look-around nor back-references. Where the
two read the same text differently (``\b``, ``.``, ``[^]``, set operations) the pattern is rewritten; what ECMA-262 does
not have is refused, so that a schema never means something else here than at the next validator.

Rule: ECMA-262, section 22.2.1 "Patterns" with the ``u`` flag (https://tc39.es/ecma262/#sec-patterns), and of annex
B.1.2 what schemas in the wild rely on: escaped punctuation, a literal ``]``, ``{`` or ``}``, ``-`` beside a class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final


class UnusablePattern(ValueError):  # a reason, turned into UnusableSchema where the place is known
    """Why the pattern cannot be used, as the end of a sentence that names it."""


_CODE_MAX: Final = 0x10FFFF
_HIGH, _LOW, _LOW_END = 0xD800, 0xDC00, 0xE000  # where high and low surrogates begin, and where they end


def _complement(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    starts = (0, *(last + 1 for _, last in ranges))
    ends = (*(first - 1 for first, _ in ranges), _CODE_MAX)
    return tuple((first, last) for first, last in zip(starts, ends, strict=True) if first <= last)


def _members(ranges: tuple[tuple[int, int], ...]) -> str:
    """The ranges as the inside of a class. Flat, for the engine is given no class within a class."""
    return "".join(rf"\u{{{first:x}}}-\u{{{last:x}}}" for first, last in ranges)


_DIGIT: Final = ((0x30, 0x39),)
_WORD: Final = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
# WhiteSpace and LineTerminator of ECMA-262, sections 12.2 and 12.3.
_SPACE: Final = (
    *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_CLASSES: Final = {
    letter: members
    for lower, ranges in (("d", _DIGIT), ("w", _WORD), ("s", _SPACE))
    for letter, members in ((lower, _members(ranges)), (lower.upper(), _members(_complement(ranges))))
}
_ANY: Final = r"[^\n\r\u{2028}\u{2029}]"
_EVERY: Final = r"(?s:.)"
_NONE: Final = r"[^\u{0}-\u{10ffff}]"
_CONTROL: Final = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_META: Final = frozenset(r"\.+*?()|[]{}^$#&-~")

_property = re.compile(r"\{([A-Za-z_]+)(?:=([A-Za-z0-9_]+))?\}").match
_quantifier = re.compile(r"[*+?]|\{([0-9]+)(?:(,)([0-9]*))?\}").match
_name = re.compile(r"[$_\w][$\w]*>").match
_ignore_case = re.compile(r"\?(?:-?i)?:").match  # not ES2025's other flags: they would change . and ^ and $


@lru_cache(maxsize=256)
def translate(pattern: str) -> str:
    """The same pattern in the engine's syntax.

    :raises UnusablePattern: it looks around, refers back, or is no ECMA-262 pattern.
    """
    return _Translator(pattern).run()


@dataclass(slots=True)
class _Translator:
    source: str
    at: int = 0
    depth: int = 0
    out: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def run(self) -> str:
        repeatable = False
        while self.at < len(self.source):
            character = self.source[self.at]
            quantifier = _quantifier(self.source, self.at)
            if quantifier is not None:
                if not repeatable:
                    raise UnusablePattern(f"repeats nothing at character {self.at + 1}")
                self._repeat(quantifier)
                repeatable = False
            else:
                self.at += 1
                repeatable = self._term(character)
        if self.depth:
            raise UnusablePattern("opens a group that it does not close")
        return "".join(self.out)

    def _term(self, character: str) -> bool:
        """One term; whether a quantifier may follow it."""
        if character == "\\":
            return self._escape()
        if character == "(":
            self._group()
            return False
        if character == ")":
            if not self.depth:
                raise UnusablePattern("closes a group that it does not open")
            self.depth -= 1
            self.out.append(")")
            return True
        if character == "[":
            self.out.append(self._class())
            return True
        if character in "^$|":
            self.out.append(character)
            return False
        self.out.append(_ANY if character == "." else _literal(ord(character)))
        return True

    def _repeat(self, quantifier: re.Match[str]) -> None:
        self.at = quantifier.end()
        low, comma, high = quantifier.groups()
        if low is not None and comma and high and int(high) < int(low):
            raise UnusablePattern("repeats at least more often than at most")
        self.out.append(quantifier[0])
        if self.source.startswith("?", self.at):
            self.at += 1
            self.out.append("?")

    def _group(self) -> None:
        rest = self.source[self.at : self.at + 3]
        if rest.startswith(("?=", "?!", "?<=", "?<!")):
            raise UnusablePattern("looks around, which no linear-time engine can")
        self.depth += 1
        if not rest.startswith("?"):
            self.out.append("(?:")  # nothing ever asks for what a group caught
            return
        flags = _ignore_case(self.source, self.at)
        if flags is not None:
            self.out.append("(" + flags[0])
            self.at = flags.end()
            return
        name = _name(self.source, self.at + 2) if rest.startswith("?<") else None
        if name is None or name[0] in self.names:
            raise UnusablePattern("has a group that ECMA-262 does not know")
        self.names.add(name[0])
        self.out.append("(?:")
        self.at = name.end()

    def _escape(self) -> bool:
        """After a backslash outside a class; whether a quantifier may follow."""
        letter = self._peek()
        if letter in {"b", "B"}:
            self.at += 1
            self.out.append(rf"(?-u:\{letter})")
            return False
        if letter == "k" or letter in "123456789":
            raise UnusablePattern("refers back to a group, which no linear-time engine can")
        shorthand = self._shorthand()
        self.out.append(f"[{shorthand}]" if shorthand is not None else _literal(self._character()))
        return True

    def _peek(self) -> str:
        if self.at >= len(self.source):
            raise UnusablePattern("ends in a backslash")
        return self.source[self.at]

    def _shorthand(self) -> str | None:
        r"""``\d``, ``\w``, ``\s``, ``\p{…}`` and their complements as the inside of a class, or None."""
        letter = self._peek()
        if letter in _CLASSES:
            self.at += 1
            return _CLASSES[letter]
        if letter in {"p", "P"}:
            match = _property(self.source, self.at + 1)
            if match is None:
                raise UnusablePattern(rf"has a \{letter} without a property in braces")
            self.at = match.end()
            return rf"\{letter}{match[0]}"
        return None

    def _character(self) -> int:
        """The code point that an escape stands for."""
        letter = self._peek()
        self.at += 1
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter == "0" and not self.source[self.at : self.at + 1].isdigit():
            return 0
        if letter == "c" and re.match(r"[A-Za-z]", self.source[self.at : self.at + 1]):
            self.at += 1
            return ord(self.source[self.at - 1]) % 32
        if letter == "x":
            return self._hexadecimal(r"([0-9a-fA-F]{2})")
        if letter == "u":
            return self._unicode()
        if letter.isascii() and not letter.isalnum():
            return ord(letter)
        raise UnusablePattern(rf"has the escape \{letter}, which ECMA-262 does not know")

    def _unicode(self) -> int:
        code = self._hexadecimal(r"([0-9a-fA-F]{4})|\{([0-9a-fA-F]+)\}")
        if _HIGH <= code < _LOW and self.source.startswith("\\u", self.at):
            self.at += 2
            low = self._hexadecimal(r"([dD][c-fC-F][0-9a-fA-F]{2})")
            return 0x10000 + ((code - _HIGH) << 10) + (low - _LOW)
        if _HIGH <= code < _LOW_END or code > _CODE_MAX:
            raise UnusablePattern("names a code point that is no character")
        return code

    def _hexadecimal(self, digits: str) -> int:
        match = re.compile(digits).match(self.source, self.at)
        if match is None:
            raise UnusablePattern("has an escape without its hexadecimal digits")
        self.at = match.end()
        return min(int(match[match.lastindex or 1], 16), _CODE_MAX + 1)

    def _class(self) -> str:
        """After ``[``: the whole class, with everything escaped that the engine would read as more than itself."""
        negated = self.source.startswith("^", self.at)
        self.at += negated
        parts: list[str] = []
        while not self.source.startswith("]", self.at):
            first = self._atom()
            if not self._range_follows():
                parts.append(first if isinstance(first, str) else _literal(first))
                continue
            self.at += 1
            last = self._atom()
            if isinstance(first, str) or isinstance(last, str):
                ends = (end if isinstance(end, str) else _literal(end) for end in (first, last))
                parts.append(r"\-".join(ends))
            elif last < first:
                raise UnusablePattern("has a range that ends before it begins")
            else:
                parts.append(f"{_literal(first)}-{_literal(last)}")
        self.at += 1
        if not parts:
            return _EVERY if negated else _NONE
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _range_follows(self) -> bool:
        return self.source.startswith("-", self.at) and not self.source.startswith("-]", self.at)

    def _atom(self) -> int | str:
        """One member of a class: a code point, or the inside of a class of its own."""
        if self.at >= len(self.source):
            raise UnusablePattern("opens a class that it does not close")
        character = self.source[self.at]
        self.at += 1
        if character != "\\":
            return ord(character)
        if self._peek() == "b":
            self.at += 1
            return 0x08
        shorthand = self._shorthand()
        return shorthand if shorthand is not None else self._character()


def _literal(code: int) -> str:
    """The character so that the engine reads it as itself, inside a class and outside."""
    character = chr(code)
    if character in _META:
        return f"\\{character}"
    return character if character.isprintable() else f"\\u{{{code:x}}}"

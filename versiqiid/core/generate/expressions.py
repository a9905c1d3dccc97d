r"""Strings that a regular expression matches. A reader for ECMA-262 syntax as schemas use it, enough to make text.

Look-around is read and ignored, ``\p{…}`` gives a few letters, and an expression that is not understood gives nothing:
the caller's validator judges every string anyway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from versiqiid.core.generate.dice import Dice

if TYPE_CHECKING:
    from collections.abc import Iterator

NESTING_MAX = 40
REPEATS_MAX = 64
"""How often something is repeated at most, unless the expression demands more. Arbitrary."""
_LENGTH_MAX = 4_000
_NOT_UNDERSTOOD = "not understood"

_quantifier = re.compile(r"([*+?])|\{([0-9]{1,6})(?:(,)([0-9]{0,6}))?\}").match
_group = re.compile(r"\?(?:<[$_\w][$\w]*>|(?:-?[a-z])*:|<?[=!])").match
_property = re.compile(r"\{[^{}]*\}").match
_ALL = "".join(map(chr, range(0x20, 0x7F)))
_CLASSES = {"d": "0123456789", "w": "abcxyzABC_019", "s": " \t"}
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}


@dataclass(frozen=True, slots=True)
class _Set:
    characters: str


@dataclass(frozen=True, slots=True)
class _Repeat:
    node: _Node
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class _Sequence:
    nodes: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    nodes: tuple[_Node, ...]


_Node: TypeAlias = _Set | _Repeat | _Sequence | _Choice


def matching(pattern: str, dice: Dice | None = None, *, count: int = 12) -> Iterator[str]:
    """Up to ``count`` strings that should match, no two alike: the shortest first, then by the dice."""
    tree = _tree(pattern)
    if tree is None:
        return
    seen: set[str] = set()
    rolled = dice or Dice(len(pattern))
    for turn in range(3 * count):
        text = _Maker(None if dice is None and turn == 0 else rolled).make(tree)
        if text not in seen:
            seen.add(text)
            yield text
        if len(seen) == count:
            return


@lru_cache(maxsize=256)
def _tree(pattern: str) -> _Node | None:
    """What the expression says, None where it is not understood."""
    try:
        return _Reader(pattern).read()
    except (ValueError, IndexError):
        return None


class _Maker:
    """Makes one string and then is used up; without dice the plainest."""

    def __init__(self, dice: Dice | None) -> None:
        self._dice = dice
        self._left = _LENGTH_MAX

    def make(self, node: _Node) -> str:
        """What the node stands for; cut off where repetitions of repetitions would never end."""
        self._left -= 1
        dice = self._dice
        if self._left < 0:
            return ""
        match node:
            case _Set(characters):
                return dice.pick(characters) if dice else characters[0]
            case _Choice(nodes):
                return self.make(dice.pick(nodes) if dice else nodes[0])
            case _Sequence(nodes):
                return "".join(map(self.make, nodes))
            case _Repeat(inner, least, most):
                more = 0 if dice is None else dice.below(min(most - least, REPEATS_MAX) + 1)
                return "".join(self.make(inner) for _ in range(min(least + more, _LENGTH_MAX)))


def _with_property(name: str) -> str:
    """A few characters with a Unicode property; letters where it is none of the usual."""
    value = name.rpartition("=")[2].lower()
    usual = {"n": "0\u0663", "d": "0\u0663", "p": "-!", "s": "+$", "z": " ", "u": "AÉ", "lu": "AÉ"}
    return usual.get(value, usual.get(value[:1], "aé"))


class _Reader:
    """Recursive descent; every failure is a ValueError or an IndexError."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def read(self) -> _Node:
        node = self._choice(NESTING_MAX)
        if self._at < len(self._source):
            raise ValueError(_NOT_UNDERSTOOD)
        return node

    def _choice(self, left: int) -> _Node:
        if left == 0:
            raise ValueError(_NOT_UNDERSTOOD)
        branches = [self._sequence(left)]
        while self._source.startswith("|", self._at):
            self._at += 1
            branches.append(self._sequence(left))
        return branches[0] if len(branches) == 1 else _Choice(tuple(branches))

    def _sequence(self, left: int) -> _Node:
        nodes: list[_Node] = []
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            node = self._term(left)
            if node is not None:
                nodes.append(self._repeated(node))
        return _Sequence(tuple(nodes))

    def _repeated(self, node: _Node) -> _Node:
        found = _quantifier(self._source, self._at)
        if found is None:
            return node
        self._at = found.end()
        if self._source.startswith("?", self._at):
            self._at += 1
        sign, low, comma, high = found.groups()
        if sign:
            return _Repeat(node, int(sign == "+"), 1 if sign == "?" else REPEATS_MAX)
        least = int(low)
        most = int(high) if high else least + REPEATS_MAX if comma else least
        return _Repeat(node, least, max(least, most))

    def _term(self, left: int) -> _Node | None:
        character = self._source[self._at]
        self._at += 1
        if character in "^$":
            return None
        if character == "(":
            return self._grouped(left)
        if character == "[":
            return _Set(self._class())
        if character == "\\":
            return self._escaped()
        return _Set("a0 .é" if character == "." else character)

    def _grouped(self, left: int) -> _Node | None:
        found = _group(self._source, self._at)
        if found is not None:
            self._at = found.end()
        elif self._source.startswith("?", self._at):
            raise ValueError(_NOT_UNDERSTOOD)
        node = self._choice(left - 1)
        if self._source[self._at] != ")":
            raise ValueError(_NOT_UNDERSTOOD)
        self._at += 1
        return None if found is not None and found[0][-1] in "=!" else node

    def _escaped(self) -> _Node | None:
        if self._source[self._at] in "bB":
            self._at += 1
            return None
        return _Set(self._escape())

    def _escape(self) -> str:
        """After a backslash: the characters that it stands for."""
        letter = self._source[self._at]
        self._at += 1
        if letter.lower() in _CLASSES:
            members = _CLASSES[letter.lower()]
            return members if letter.islower() else "".join(each for each in _ALL if each not in members and each > " ")
        if letter in "pP":
            found = _property(self._source, self._at)
            if found is None:
                raise ValueError(_NOT_UNDERSTOOD)
            self._at = found.end()
            return _with_property(found[0][1:-1]) if letter == "p" else "a0- \u0663"
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter == "c" and self._source[self._at].isalpha():
            self._at += 1
            return chr(ord(self._source[self._at - 1]) % 32)
        if letter in "xu":
            return self._coded(r"[0-9a-fA-F]{2}" if letter == "x" else r"[0-9a-fA-F]{4}|\{[0-9a-fA-F]{1,6}\}")
        if letter.isalnum():
            raise ValueError(_NOT_UNDERSTOOD)
        return letter

    def _coded(self, digits: str) -> str:
        found = re.compile(digits).match(self._source, self._at)
        if found is None:
            raise ValueError(_NOT_UNDERSTOOD)
        self._at = found.end()
        return chr(int(found[0].strip("{}"), 16))

    def _class(self) -> str:
        """After ``[``: the characters of the class, a few of each range."""
        negated = self._source.startswith("^", self._at)
        self._at += negated
        members: list[str] = []
        ranges: list[tuple[str, str]] = []
        while not self._source.startswith("]", self._at):
            first = self._member()
            follows = self._source.startswith("-", self._at) and not self._source.startswith("-]", self._at)
            if not follows or len(first) > 1:
                members.append(first)
                continue
            self._at += 1
            last = self._member()
            ranges.append((first, last[0]))
            middle = chr((ord(first) + ord(last[0])) // 2)
            members.append(first + last[0] + middle)
        self._at += 1
        whole = "".join(members)
        if negated:
            whole = "".join(c for c in _ALL if c not in whole and not any(low <= c <= high for low, high in ranges))
        if not whole:
            raise ValueError(_NOT_UNDERSTOOD)
        return whole

    def _member(self) -> str:
        character = self._source[self._at]
        self._at += 1
        return self._escape() if character == "\\" else character

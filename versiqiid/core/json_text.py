"""Strict JSON (RFC 8259) from text, and the line and column of whatever is wrong with it. No bytes, no YAML.

The standard library reads; it is fast and it is right about what JSON is. What it does not refuse (duplicate keys,
numbers that readers disagree about, lone surrogates) and what it cannot bound (depth) is noticed by its hooks or by
counting, and only then a slower scan walks the text without recursion and names the first offending place.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from versiqiid.core.canonical import INTEGER_MAX, double
from versiqiid.core.limits import has_surrogate
from versiqiid.errors import Unreadable

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.limits import Limits

_INTEGER_DIGITS_MAX: Final = 17  # with sign, of the longest literal worth converting: int() of a long one is quadratic


class NotJson(Exception):  # not an error yet: the text may still be YAML
    """The text is outside the grammar of RFC 8259.

    :ivar offset: of the first character that cannot be part of it.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class _DoubtError(Exception):
    """Something in the text must be looked at by the scan."""


def parse(text: str, limits: Limits, *, by_rule: bool = False) -> Json:
    """The value of exactly one JSON text.

    :param by_rule: it was written by programs, for which RFC 8785 is the rule: digits beyond ±(2^53 - 1) that are the
        form of a double are that double. Any other such digits are refused all the same.
    :raises NotJson: it is no JSON; something else may still read it.
    :raises Unreadable: it is JSON, but it holds what no document may hold, or is over ``limits``.
    """
    decode = _decode_by_rule if by_rule else _decode
    try:
        value = decode(text)
    except json.JSONDecodeError as error:
        raise NotJson(_MESSAGES.get(error.msg, error.msg), error.pos) from None
    except (_DoubtError, RecursionError):
        value = None
    else:
        if not _may_break(text, limits):
            return value
    _scan(text, limits, by_rule=by_rule)
    return value if value is not None else decode(text)


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character of the text."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DoubtError
    return members


def _integer(literal: str) -> int:
    if len(literal) > _INTEGER_DIGITS_MAX or not -INTEGER_MAX <= (number := int(literal)) <= INTEGER_MAX:
        raise _DoubtError
    return number


def _number(literal: str) -> int | float:
    """As RFC 8785 writes whole numbers: those that are no integer of a document are doubles."""
    if len(literal) <= _INTEGER_DIGITS_MAX and -INTEGER_MAX <= (number := int(literal)) <= INTEGER_MAX:
        return number
    value = double(literal)
    if value is None:
        raise _DoubtError
    return value


def _float(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise _DoubtError
    return number


def _constant(_: str) -> NoReturn:
    raise _DoubtError  # NaN and Infinity, which Python takes and RFC 8259 does not


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
).decode
_decode_by_rule = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_number, parse_float=_float, parse_constant=_constant
).decode

_MESSAGES: Final = {
    "Expecting value": "expected a JSON value",
    "Expecting ',' delimiter": "expected ',' or the end of the array or object",
    "Expecting ':' delimiter": "expected ':' after a key",
    "Expecting property name enclosed in double quotes": "expected a key in double quotes",
    "Illegal trailing comma before end of object": "a comma before the end of an object",
    "Illegal trailing comma before end of array": "a comma before the end of an array",
    "Extra data": "expected the end of the text",
    "Invalid control character at": "a control character inside a string, which must be escaped",
    "Invalid \\escape": "an escape that JSON does not have",
    "Invalid \\uXXXX escape": "four hexadecimal digits must follow \\u",
    "Unterminated string starting at": "a string without an end",
}

_surrogate_escape = re.compile(r"\\u[dD][89a-fA-F]").search


def _may_break(text: str, limits: Limits) -> bool:
    """Whether counting characters leaves open that a limit is broken. Mostly it does not, and the scan is spared."""
    opened = text.count("[") + text.count("{")
    return (
        opened >= limits.depth_max
        or opened + text.count(",") >= limits.values_max
        or _surrogate_escape(text) is not None
    )


# Possessive repeats: a string without an end must fail at once, not after every way to split it was tried.
_token = re.compile(
    r"""[ \t\n\r]*+(?:
        (?P<string>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?P<fraction>\.[0-9]++)?+(?P<exponent>[eE][+-]?[0-9]++)?+)
      | (?P<word>true|false|null)
      | (?P<mark>[\[\]{},:])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
).match

_VALUE, _KEY, _COLON, _AFTER, _VALUE_OR_END, _KEY_OR_END = range(6)


@dataclass(slots=True)
class _Scan:
    """Where the scan stands: what may come next, what is open, what was met first that no document may hold."""

    text: str
    limits: Limits
    by_rule: bool
    expects: int = _VALUE
    open: list[set[str] | None] = field(default_factory=list)  # the keys of each open object; None for an array
    values: int = 0
    fault: tuple[str, int] | None = None

    def blame(self, message: str, offset: int) -> None:
        if self.fault is None:
            self.fault = (message, offset)

    def value(self, offset: int) -> None:
        if self.expects not in (_VALUE, _VALUE_OR_END):
            raise NotJson("a value where none can stand", offset)
        self.values += 1
        if self.values > self.limits.values_max:
            self.blame(f"more than {self.limits.values_max} values", offset)
        if len(self.open) + 1 > self.limits.depth_max:
            self.blame(f"nested more than {self.limits.depth_max} levels deep", offset)
        self.expects = _AFTER

    def string(self, literal: str, offset: int) -> None:
        decoded: str = json.loads(literal)
        if has_surrogate(decoded):
            self.blame("a lone surrogate, which is no character", offset)
        if self.expects not in (_KEY, _KEY_OR_END):
            self.value(offset)
            return
        keys = self.open[-1]
        if keys is not None:
            if decoded in keys:
                self.blame("a key that its object has already", offset)
            keys.add(decoded)
        self.expects = _COLON

    def number(self, literal: str, offset: int, *, integer: bool) -> None:
        self.value(offset)
        if integer:
            beyond = len(literal) > _INTEGER_DIGITS_MAX or not -INTEGER_MAX <= int(literal) <= INTEGER_MAX
            if beyond and not (self.by_rule and double(literal) is not None):
                self.blame(f"an integer beyond ±{INTEGER_MAX}", offset)
        elif math.isinf(float(literal)):
            self.blame("a number that no IEEE 754 double holds", offset)

    def mark(self, mark: str, offset: int) -> None:
        inside = self.open[-1] if self.open else None
        if mark in "[{":
            self.value(offset)
            self.open.append(None if mark == "[" else set())
            self.expects = _VALUE_OR_END if mark == "[" else _KEY_OR_END
        elif mark in "]}" and self.open and self._may_close(mark):
            self.open.pop()
            self.expects = _AFTER
        elif mark == "," and self.open and self.expects == _AFTER:
            self.expects = _VALUE if inside is None else _KEY
        elif mark == ":" and self.expects == _COLON:
            self.expects = _VALUE
        else:
            raise NotJson(f"'{mark}' where it cannot stand", offset)

    def _may_close(self, mark: str) -> bool:
        closes, empty = ("]", _VALUE_OR_END) if self.open[-1] is None else ("}", _KEY_OR_END)
        return mark == closes and self.expects in (_AFTER, empty)


def _scan(text: str, limits: Limits, *, by_rule: bool = False) -> None:
    """Walk the whole text without recursion; return when it is JSON that a document may be.

    :raises NotJson: the first place outside the grammar, whatever else was met before it.
    :raises Unreadable: the first place that no document may hold.
    """
    scan = _Scan(text, limits, by_rule)
    offset = 0
    while True:
        token = _token(text, offset)
        if token is None:
            raise NotJson("expected a JSON value", _skip_blank(text, offset))
        kind = token.lastgroup or ""
        literal, start, offset = token[kind], token.start(kind), token.end()
        if kind == "end":
            if scan.expects != _AFTER or scan.open:
                raise NotJson("the text ends too early", start)
            break
        if kind == "string":
            scan.string(literal, start)
        elif kind == "number":
            scan.number(literal, start, integer=token["fraction"] is None and token["exponent"] is None)
        elif kind == "word":
            scan.value(start)
        else:
            scan.mark(literal, start)
    if scan.fault is not None:
        message, at = scan.fault
        line, column = place(text, at)
        raise Unreadable(message, line=line, column=column)


def _skip_blank(text: str, offset: int) -> int:
    while offset < len(text) and text[offset] in " \t\n\r":
        offset += 1
    return offset
